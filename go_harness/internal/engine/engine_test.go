package engine

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/onnxfile"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var fixtures = filepath.Join("..", "..", "..", "tests", "fixtures")

var pinned = bundle.SessionSettings{
	IntraOpThreads: 1, InterOpThreads: 1, ExecutionMode: "sequential", Optimization: "all", Spinning: false, Arena: true,
}

// anyRows is the batch of a model that takes any number of rows.
const anyRows = 0

var (
	addOneInputs  = []bundle.Tensor{{Name: "x", DType: "float32", Shape: bundle.Shape{4}}}
	addOneOutputs = []bundle.Tensor{{Name: "y", DType: "float32", Shape: bundle.Shape{4}}}
)

// addOne returns the model y = x + 1 on [batch, 4].
func addOne(t testing.TB) []byte {
	t.Helper()
	return fixture(t, "add_one.onnx")
}

func fixture(t testing.TB, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(fixtures, filepath.Join(path...)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// opened returns the runtime that the environment names; without one the test fails.
func opened(t testing.TB) *Runtime {
	t.Helper()
	r, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	return r
}

func closing(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func addOneSession(t testing.TB, settings bundle.SessionSettings) *Session {
	t.Helper()
	session, err := opened(t).NewSession(addOne(t), settings, anyRows, addOneInputs, addOneOutputs)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, session)
	return session
}

func addOneSlot(t testing.TB, rows int) *Slot {
	t.Helper()
	slot, err := addOneSession(t, pinned).NewSlot(rows)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, slot)
	return slot
}

func TestPredictsEveryRow(t *testing.T) {
	slot := addOneSlot(t, 2)
	dst := []bundle.Output{{Float32: make([]float32, 8)}}
	for round := range 3 {
		src := [][]float32{{0, 1, 2, 3, 4, 5, 6, float32(math.Inf(1))}}
		src[0][0] = float32(round)
		if err := slot.Predict(dst, src); err != nil {
			t.Fatal(err)
		}
		for i, x := range src[0] {
			if y := dst[0].Float32[i]; y != x+1 {
				t.Errorf("round %d: y[%d] is %v, want %v", round, i, y, x+1)
			}
		}
	}
}

func TestEverySettingLoads(t *testing.T) {
	for _, mode := range []string{"sequential", "parallel"} {
		for _, level := range []string{"none", "basic", "extended", "all"} {
			for _, on := range []bool{false, true} {
				settings := bundle.SessionSettings{
					IntraOpThreads: 2, InterOpThreads: 2, ExecutionMode: mode, Optimization: level, Spinning: on, Arena: on,
				}
				addOneSession(t, settings)
			}
		}
	}
}

func TestRefusesSettingsThatTheSchemaDoesNotKnow(t *testing.T) {
	runtime := opened(t)
	unknown := []func(*bundle.SessionSettings){
		func(s *bundle.SessionSettings) { s.ExecutionMode = "both" },
		func(s *bundle.SessionSettings) { s.Optimization = "99" },
		func(s *bundle.SessionSettings) { s.IntraOpThreads = 0 },
		func(s *bundle.SessionSettings) { s.InterOpThreads = -1 },
	}
	for _, change := range unknown {
		settings := pinned
		change(&settings)
		if session, err := runtime.NewSession(addOne(t), settings, anyRows, addOneInputs, addOneOutputs); err == nil {
			t.Errorf("%+v was taken", settings)
			closing(t, session)
		}
	}
}

func TestRefusesAModelWithOtherInputsOrOutputs(t *testing.T) {
	runtime := opened(t)
	tensor := func(name string, shape ...int) []bundle.Tensor {
		return []bundle.Tensor{{Name: name, DType: "float32", Shape: shape}}
	}
	labels := []bundle.Tensor{{Name: "y", DType: "int64", Shape: bundle.Shape{4}}}
	retyped := func(element string) []byte {
		return bytes.Replace(addOne(t), []byte("\x08\x01\x12"), []byte("\x08"+element+"\x12"), 1)
	}
	fixedBatch := bytes.Replace(addOne(t), []byte("\x12\x05batch"), []byte("\x08\x81\x80\x80\x80\x80\x00"), 1)
	cases := map[string]struct {
		model           []byte
		inputs, outputs []bundle.Tensor
		reason          string
	}{
		"input's name":    {addOne(t), tensor("z", 4), addOneOutputs, `input 0 is "x"`},
		"output's name":   {addOne(t), addOneInputs, tensor("z", 4), `output 0 is "y"`},
		"input's length":  {addOne(t), tensor("x", 5), addOneOutputs, "x is of shape [-1 4]"},
		"input's rank":    {addOne(t), tensor("x", 2, 2), addOneOutputs, "x is of shape [-1 4]"},
		"output's length": {addOne(t), addOneInputs, tensor("y", 3), "y is of shape [-1 4]"},
		"inputs' number":  {addOne(t), append(tensor("x", 4), tensor("w", 4)...), addOneOutputs, "number of inputs is 1"},
		"outputs' number": {addOne(t), addOneInputs, nil, "number of outputs is 1"},
		"fixed batch":     {fixedBatch, addOneInputs, addOneOutputs, "x is of shape [1 4]"},
		"element type":    {retyped("\x0b"), addOneInputs, addOneOutputs, "x is of element type 11, expected float32"},
		"labels for x":    {retyped("\x07"), addOneInputs, addOneOutputs, "x is of element type 7, expected float32"},
		"no labels for y": {addOne(t), addOneInputs, labels, "y is of element type 1, expected int64"},
		"no model":        {[]byte("not a model"), addOneInputs, addOneOutputs, "unreadable"},
		"empty":           {nil, addOneInputs, addOneOutputs, "unreadable"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := runtime.NewSession(c.model, pinned, anyRows, c.inputs, c.outputs)
			var typed *SignatureError
			if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want a reason with %q", err, c.reason)
			}
		})
	}
}

func TestReportsAModelThatTheRuntimeCannotLoad(t *testing.T) {
	broken := bytes.Replace(addOne(t), []byte("Add"), []byte("Axx"), 1)
	_, err := opened(t).NewSession(broken, pinned, anyRows, addOneInputs, addOneOutputs)
	if err == nil || !strings.Contains(err.Error(), "cannot be loaded") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// The package reads inputs and outputs itself; the runtime must see the same.
func TestReadsTheSignatureThatTheRuntimeReads(t *testing.T) {
	opened(t)
	for _, path := range []string{"add_one.onnx", "bundles/good/model.onnx", "bundles/classifier/model.onnx", "bundles/one_row/model.onnx"} {
		model, err := os.ReadFile(filepath.Join(fixtures, path))
		if err != nil {
			t.Fatal(err)
		}
		inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(model)
		if err != nil {
			t.Fatal(err)
		}
		got, err := onnxfile.Read(model)
		if err != nil {
			t.Fatal(err)
		}
		compareSides(t, got.Inputs, inputs)
		compareSides(t, got.Outputs, outputs)
	}
}

func compareSides(t *testing.T, got []onnxfile.Value, want []ort.InputOutputInfo) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d values, want %d", len(got), len(want))
	}
	for i, value := range got {
		if value.Name != want[i].Name || !want[i].Dimensions.Equals(value.Shape) || value.Type != int(want[i].DataType) {
			t.Errorf("got %+v, want %v", value, &want[i])
		}
	}
}

func TestRefusesSlicesOfOtherLengths(t *testing.T) {
	slot := addOneSlot(t, 1)
	four, five := make([]float32, 4), make([]float32, 5)
	good, long := bundle.Output{Float32: four}, bundle.Output{Float32: five}
	whole, both := bundle.Output{Int64: make([]int64, 4)}, bundle.Output{Float32: four, Int64: make([]int64, 4)}
	for _, c := range []struct {
		dst []bundle.Output
		src [][]float32
	}{
		{[]bundle.Output{good}, [][]float32{five}},
		{[]bundle.Output{long}, [][]float32{four}},
		{[]bundle.Output{whole}, [][]float32{four}},
		{[]bundle.Output{both}, [][]float32{four}},
		{[]bundle.Output{{}}, [][]float32{four}},
		{[]bundle.Output{}, [][]float32{four}},
		{[]bundle.Output{good}, [][]float32{}},
		{[]bundle.Output{good, good}, [][]float32{four}},
		{nil, nil},
	} {
		if err := slot.Predict(c.dst, c.src); err == nil || !strings.Contains(err.Error(), "outputs of [4 float32 + 0 int64]") {
			t.Errorf("%v: got %v", c, err)
		}
	}
}

func TestTensorsStartWhereTheRuntimesOwnDo(t *testing.T) {
	for n := range 100 {
		expectAligned(t, aligned[float32](n+1), n+1)
		expectAligned(t, aligned[int64](n+1), n+1)
	}
}

func expectAligned[T float32 | int64](t *testing.T, values []T, n int) {
	t.Helper()
	if len(values) != n || uintptr(unsafe.Pointer(&values[0]))%64 != 0 {
		t.Fatalf("%d values of %T start at %p", len(values), values, &values[0])
	}
}

func TestRefusesSlotsWithoutRows(t *testing.T) {
	session := addOneSession(t, pinned)
	for _, rows := range []int{0, -1} {
		if _, err := session.NewSlot(rows); err == nil {
			t.Errorf("a slot of %d rows was made", rows)
		}
	}
}

func TestSlotsOfOneSessionRunSideBySide(t *testing.T) {
	session := addOneSession(t, pinned)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			slot, err := session.NewSlot(1)
			if err != nil {
				t.Error(err)
				return
			}
			dst, src := []bundle.Output{{Float32: make([]float32, 4)}}, [][]float32{make([]float32, 4)}
			for i := range 200 {
				src[0][3] = float32(worker*1000 + i)
				if err := slot.Predict(dst, src); err != nil || dst[0].Float32[3] != src[0][3]+1 {
					t.Errorf("got %v, %v", dst, err)
					break
				}
			}
			if err := slot.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestClosesInReverseOrderOnly(t *testing.T) {
	runtime, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	session, err := runtime.NewSession(addOne(t), pinned, anyRows, addOneInputs, addOneOutputs)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := session.NewSlot(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("session: got %v", err)
	}
	if err := runtime.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("runtime: got %v", err)
	}
	for _, c := range []interface{ Close() error }{slot, slot, session, session, runtime, runtime} {
		if err := c.Close(); err != nil {
			t.Errorf("%T: %v", c, err)
		}
	}
	if err := slot.Predict(nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("slot: got %v", err)
	}
	if _, err := session.NewSlot(1); !errors.Is(err, ErrClosed) {
		t.Errorf("session: got %v", err)
	}
	if _, err := runtime.NewSession(addOne(t), pinned, anyRows, addOneInputs, addOneOutputs); !errors.Is(err, ErrClosed) {
		t.Errorf("runtime: got %v", err)
	}
}

func TestThreadSettingsReachTheRuntime(t *testing.T) {
	const threads = 24
	before := osThreads(t)
	addOneSession(t, pinned)
	if one := osThreads(t) - before; one >= threads-1 {
		t.Errorf("a session of one thread started %d", one)
	}
	before = osThreads(t)
	many := pinned
	many.IntraOpThreads = threads
	addOneSession(t, many)
	if started := osThreads(t) - before; started < threads-1 {
		t.Errorf("a session of %d threads started %d more", threads, started)
	}
}

func osThreads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skipf("threads cannot be counted here: %v", err)
	}
	return len(tasks)
}

func TestAViewPredictsTheFirstRowsOfItsSlotsMemory(t *testing.T) {
	slot := addOneSlot(t, 3)
	view, err := slot.View(2)
	if err != nil {
		t.Fatal(err)
	}
	dst := []bundle.Output{{Float32: make([]float32, 8)}}
	if err := view.Predict(dst, [][]float32{{0, 1, 2, 3, 4, 5, 6, 7}}); err != nil || dst[0].Float32[7] != 8 {
		t.Errorf("got %v, %v", dst, err)
	}
	if view.Rows() != 2 || &view.in[0][0] != &slot.in[0][0] || &view.out[0].Float32[0] != &slot.out[0].Float32[0] {
		t.Error("it has memory of its own")
	}
	if err := errors.Join(view.Close(), view.Close()); err != nil {
		t.Error(err)
	}
	if err := slot.Predict([]bundle.Output{{Float32: make([]float32, 12)}}, [][]float32{make([]float32, 12)}); err != nil {
		t.Errorf("its slot ended with it: %v", err)
	}
}

func TestRefusesAViewThatIsNone(t *testing.T) {
	slot := addOneSlot(t, 3)
	for _, rows := range []int{0, -1, 4} {
		if _, err := slot.View(rows); err == nil || !strings.Contains(err.Error(), "expected at") {
			t.Errorf("%d rows: got %v", rows, err)
		}
	}
	if err := slot.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := slot.View(1); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
