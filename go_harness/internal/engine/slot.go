package engine

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Slot holds the tensors of one prediction of a fixed number of rows, bound once. One goroutine at a time may use it.
type Slot struct {
	session *Session
	rows    int
	binding *ort.IoBinding
	// The runtime keeps pointers into these tensors' memory: they must stay referenced until the binding is gone.
	inputs  []*ort.Tensor[float32]
	outputs []*ort.Tensor[float32]
	// Views of the tensors' memory, so that the hot path asks nobody.
	in  [][]float32
	out [][]float32
}

// NewSlot allocates and binds the tensors for rows rows.
func (s *Session) NewSlot(rows int) (*Slot, error) {
	if rows < 1 {
		return nil, fmt.Errorf("engine: slot for %d rows, expected at least 1", rows)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("engine: session: %w", ErrClosed)
	}
	binding, err := s.session.CreateIoBinding()
	if err != nil {
		return nil, fmt.Errorf("engine: binding: %s", oneLine(err))
	}
	slot := &Slot{session: s, rows: rows, binding: binding}
	if err := slot.bind(); err != nil {
		return nil, errors.Join(err, slot.release())
	}
	s.slots++
	return slot, nil
}

func (s *Slot) bind() error {
	for _, tensor := range s.session.inputs {
		value, err := s.allocate(tensor)
		if err != nil {
			return err
		}
		s.inputs, s.in = append(s.inputs, value), append(s.in, value.GetData())
		if err := s.binding.BindInput(tensor.Name, value); err != nil {
			return fmt.Errorf("engine: input %s: %s", tensor.Name, oneLine(err))
		}
	}
	for _, tensor := range s.session.outputs {
		value, err := s.allocate(tensor)
		if err != nil {
			return err
		}
		s.outputs, s.out = append(s.outputs, value), append(s.out, value.GetData())
		if err := s.binding.BindOutput(tensor.Name, value); err != nil {
			return fmt.Errorf("engine: output %s: %s", tensor.Name, oneLine(err))
		}
	}
	return nil
}

func (s *Slot) allocate(tensor bundle.Tensor) (*ort.Tensor[float32], error) {
	shape := make(ort.Shape, 0, len(tensor.Shape)+1)
	for _, axis := range tensor.Shape.Batched(s.rows) {
		shape = append(shape, int64(axis))
	}
	value, err := ort.NewTensor(shape, aligned(s.rows*tensor.Shape.Elements()))
	if err != nil {
		return nil, fmt.Errorf("engine: tensor %s: %s", tensor.Name, oneLine(err))
	}
	return value, nil
}

// alignBytes is what onnxruntime's own allocator gives. Some kernels add in an order that depends on the alignment of their
// input: with Go's alignment, which varies, the last bit of a sum would vary too.
const alignBytes = 64

// aligned returns n zeros that start at a multiple of alignBytes. The collector does not move them.
func aligned(n int) []float32 {
	const size = int(unsafe.Sizeof(float32(0)))
	memory := make([]float32, n+alignBytes/size)
	skip := 0
	if excess := int(uintptr(unsafe.Pointer(&memory[0])) % alignBytes); excess != 0 {
		skip = (alignBytes - excess) / size
	}
	return memory[skip : skip+n : skip+n]
}

// Rows returns the number of rows that one prediction takes.
func (s *Slot) Rows() int {
	return s.rows
}

// Predict copies src in, runs the model, and copies the outputs to dst; each holds one flat, row-major slice per tensor, in
// the session's order. It allocates nothing unless it fails. On failure dst is unchanged.
func (s *Slot) Predict(dst, src [][]float32) error {
	if s.binding == nil {
		return fmt.Errorf("engine: slot: %w", ErrClosed)
	}
	if !sameLengths(src, s.in) || !sameLengths(dst, s.out) {
		return s.lengthError(dst, src)
	}
	for i, values := range src {
		copy(s.in[i], values)
	}
	if err := s.session.session.RunWithBinding(s.binding); err != nil {
		return fmt.Errorf("engine: run: %s", oneLine(err))
	}
	for i, values := range s.out {
		copy(dst[i], values)
	}
	runtime.KeepAlive(s) // the call above used the tensors' memory through C, which the collector does not see
	return nil
}

func sameLengths(a, b [][]float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return false
		}
	}
	return true
}

func (s *Slot) lengthError(dst, src [][]float32) error {
	return fmt.Errorf("engine: slot of %d rows takes inputs of lengths %v and outputs of %v, got %v and %v",
		s.rows, lengths(s.in), lengths(s.out), lengths(src), lengths(dst))
}

func lengths(values [][]float32) []int {
	found := make([]int, len(values))
	for i := range values {
		found[i] = len(values[i])
	}
	return found
}

// Close frees the tensors. It must not run during a prediction.
func (s *Slot) Close() error {
	if s.binding == nil {
		return nil
	}
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	s.session.slots--
	return s.release()
}

// release destroys the binding before the tensors that it points to.
func (s *Slot) release() error {
	err := s.binding.Destroy()
	s.binding = nil
	for _, tensor := range append(s.inputs, s.outputs...) {
		err = errors.Join(err, tensor.Destroy())
	}
	s.inputs, s.outputs, s.in, s.out = nil, nil, nil, nil
	if err != nil {
		return errors.New("engine: " + oneLine(err))
	}
	return nil
}
