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
	tensors []ort.Value
	// Views of the tensors' memory, so that the hot path asks nobody.
	in  [][]float32
	out []bundle.Output
}

// NewSlot allocates and binds the tensors for rows rows. Where the model takes another number of them it is a *RowsError.
func (s *Session) NewSlot(rows int) (*Slot, error) {
	return s.newSlot(rows, nil)
}

func (s *Session) newSlot(rows int, memory *Slot) (*Slot, error) {
	if rows < 1 {
		return nil, fmt.Errorf("engine: slot for %d rows, expected at least 1", rows)
	}
	if s.batch != 0 && rows != s.batch {
		return nil, &RowsError{Found: rows, Expected: s.batch}
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
	if err := slot.bind(memory); err != nil {
		return nil, errors.Join(err, slot.release())
	}
	s.slots++
	return slot, nil
}

// View returns a slot for the first rows rows of the memory of s. Only one of all that share it may be in use at a time.
func (s *Slot) View(rows int) (*Slot, error) {
	if s.binding == nil {
		return nil, fmt.Errorf("engine: slot: %w", ErrClosed)
	}
	if rows > s.rows {
		return nil, fmt.Errorf("engine: view of %d rows, expected at most the slot's %d", rows, s.rows)
	}
	return s.session.newSlot(rows, s)
}

// bind binds memory of its own, or that of another slot of at least as many rows.
func (s *Slot) bind(memory *Slot) error {
	for i, tensor := range s.session.inputs {
		var shared []float32
		if memory != nil {
			shared = memory.in[i]
		}
		value, data, err := allocate(s, tensor, shared)
		if err != nil {
			return err
		}
		s.in = append(s.in, data)
		if err := s.binding.BindInput(tensor.Name, value); err != nil {
			return fmt.Errorf("engine: input %s: %s", tensor.Name, oneLine(err))
		}
	}
	for i, tensor := range s.session.outputs {
		var shared bundle.Output
		if memory != nil {
			shared = memory.out[i]
		}
		value, data, err := s.allocateOutput(tensor, shared)
		if err != nil {
			return err
		}
		s.out = append(s.out, data)
		if err := s.binding.BindOutput(tensor.Name, value); err != nil {
			return fmt.Errorf("engine: output %s: %s", tensor.Name, oneLine(err))
		}
	}
	return nil
}

func (s *Slot) allocateOutput(tensor bundle.Tensor, shared bundle.Output) (ort.Value, bundle.Output, error) {
	if tensor.DType == bundle.DTypeInt64 {
		value, data, err := allocate(s, tensor, shared.Int64)
		return value, bundle.Output{Int64: data}, err
	}
	value, data, err := allocate(s, tensor, shared.Float32)
	return value, bundle.Output{Float32: data}, err
}

// allocate returns a tensor, which s destroys, and its memory: the front of shared, unless that is nil.
func allocate[T float32 | int64](s *Slot, tensor bundle.Tensor, shared []T) (ort.Value, []T, error) {
	shape := make(ort.Shape, 0, len(tensor.Shape)+1)
	for _, axis := range tensor.Shape.Batched(s.rows) {
		shape = append(shape, int64(axis))
	}
	n := s.rows * tensor.Shape.Elements()
	data := shared
	if data == nil {
		data = aligned[T](n)
	}
	data = data[:n:n]
	value, err := ort.NewTensor(shape, data)
	if err != nil {
		return nil, nil, fmt.Errorf("engine: tensor %s: %s", tensor.Name, oneLine(err))
	}
	s.tensors = append(s.tensors, value)
	return value, data, nil
}

// alignBytes is what onnxruntime's own allocator gives. Some kernels add in an order that depends on the alignment of their
// input: with Go's alignment, which varies, the last bit of a sum would vary too.
const alignBytes = 64

// aligned returns n zeros that start at a multiple of alignBytes. The collector does not move them.
func aligned[T float32 | int64](n int) []T {
	size := int(unsafe.Sizeof(T(0)))
	memory := make([]T, n+alignBytes/size)
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

// Predict copies src in, runs the model, and copies the outputs to dst; each has one entry per tensor, flat and row-major, in
// the session's order. It allocates nothing unless it fails. On failure dst is unchanged.
func (s *Slot) Predict(dst []bundle.Output, src [][]float32) error {
	if s.binding == nil {
		return fmt.Errorf("engine: slot: %w", ErrClosed)
	}
	if !s.fit(dst, src) {
		return s.lengthError(dst, src)
	}
	for i, values := range src {
		copy(s.in[i], values)
	}
	if err := s.Run(); err != nil {
		return err
	}
	for i := range s.out {
		copy(dst[i].Float32, s.out[i].Float32)
		copy(dst[i].Int64, s.out[i].Int64)
	}
	return nil
}

// Run runs the model on what the slot's tensors hold, and copies nothing: it is the runtime's share of Predict.
func (s *Slot) Run() error {
	err := s.session.session.RunWithBinding(s.binding)
	runtime.KeepAlive(s) // the call above used the tensors' memory through C, which the collector does not see
	if err != nil {
		return fmt.Errorf("engine: run: %s", oneLine(err))
	}
	return nil
}

func (s *Slot) fit(dst []bundle.Output, src [][]float32) bool {
	if len(dst) != len(s.out) || len(src) != len(s.in) {
		return false
	}
	for i := range src {
		if len(src[i]) != len(s.in[i]) {
			return false
		}
	}
	for i := range dst {
		if len(dst[i].Float32) != len(s.out[i].Float32) || len(dst[i].Int64) != len(s.out[i].Int64) {
			return false
		}
	}
	return true
}

func (s *Slot) lengthError(dst []bundle.Output, src [][]float32) error {
	return fmt.Errorf("engine: slot of %d rows takes inputs of lengths %v and outputs of %v, got %v and %v",
		s.rows, inputLengths(s.in), outputLengths(s.out), inputLengths(src), outputLengths(dst))
}

func inputLengths(values [][]float32) []int {
	found := make([]int, len(values))
	for i := range values {
		found[i] = len(values[i])
	}
	return found
}

func outputLengths(outputs []bundle.Output) []string {
	found := make([]string, len(outputs))
	for i, output := range outputs {
		found[i] = fmt.Sprintf("%d float32 + %d int64", len(output.Float32), len(output.Int64))
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
	for _, tensor := range s.tensors {
		err = errors.Join(err, tensor.Destroy())
	}
	s.tensors, s.in, s.out = nil, nil, nil
	if err != nil {
		return errors.New("engine: " + oneLine(err))
	}
	return nil
}
