package predictor

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/bundle"
)

func TestPredictsTheGoldenRows(t *testing.T) {
	p := opened(t, goodDir)
	b, out := p.Bundle(), p.NewOutputs()
	for row := range 8 { // group typical
		if err := p.Predict(t.Context(), out, window(b, row)); err != nil {
			t.Fatal(err)
		}
		if got, want := float64(out[1].Float32[0]), b.Golden.Outputs[1][row]; math.Abs(got-want) > 1e-6 {
			t.Errorf("row %d: score is %v, want %v", row, got, want)
		}
		for i, got := range out[0].Float32 {
			if want := b.Golden.Outputs[0][row*6+i]; math.Abs(float64(got)-want) > 2e-6 {
				t.Errorf("row %d: reconstruction[%d] is %v, want %v", row, i, got, want)
			}
		}
	}
}

func TestServesABundleOfOneRowACall(t *testing.T) {
	p, usual := opened(t, oneRowDir, WithSlots(2)), opened(t, goodDir)
	out, want := p.NewOutputs(), usual.NewOutputs()
	for row := range p.Bundle().Metadata.Golden.Rows {
		if err := errors.Join(p.Predict(t.Context(), out, window(p.Bundle(), row)), usual.Predict(t.Context(), want, window(p.Bundle(), row))); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(out, want, sameBits) {
			t.Errorf("row %d: got %v, want %v", row, out, want)
		}
	}
}

func TestGivesTheSameBitsFromManyGoroutines(t *testing.T) {
	p := opened(t, goodDir, WithSlots(3))
	alone := make([]Outputs, p.Bundle().Metadata.Golden.Rows)
	for row := range alone {
		alone[row] = p.NewOutputs()
		if err := p.Predict(t.Context(), alone[row], window(p.Bundle(), row)); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			out := p.NewOutputs()
			for i := range 200 {
				row := (worker + i) % len(alone)
				if err := p.Predict(t.Context(), out, window(p.Bundle(), row)); err != nil || !slices.EqualFunc(out, alone[row], sameBits) {
					t.Errorf("row %d: got %v (%v), want %v", row, out, err, alone[row])
					return
				}
			}
		})
	}
	group.Wait()
}

func sameBits(a, b Output) bool {
	sameFloat := func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }
	return slices.EqualFunc(a.Float32, b.Float32, sameFloat) && slices.Equal(a.Int64, b.Int64)
}

func TestFindsOutputsByName(t *testing.T) {
	p := opened(t, goodDir)
	for want, name := range []string{"reconstruction", "anomaly_score"} {
		if i, ok := p.Output(name); i != want || !ok {
			t.Errorf("%s: got %d, %v", name, i, ok)
		}
	}
	if _, ok := p.Output("score"); ok {
		t.Error("an output that the model does not have was found")
	}
}

func TestRefusesSlicesOfOtherLengths(t *testing.T) {
	p := opened(t, classifierDir)
	good := p.NewOutputs()
	with := func(i int, output Output) Outputs {
		changed := slices.Clone(good)
		changed[i] = output
		return changed
	}
	cases := map[string]struct {
		out    Outputs
		window []float32
		want   LengthError
		text   string
	}{
		"short window":        {good, make([]float32, 1), LengthError{"x", "float32", 1, 2}, "x holds 1 values of float32, expected 2"},
		"no window":           {good, nil, LengthError{"x", "float32", 0, 2}, "x holds 0"},
		"no outputs":          {nil, make([]float32, 2), LengthError{"outputs", "", 0, 4}, "0 outputs, expected 4"},
		"an output too few":   {good[:3], make([]float32, 2), LengthError{"outputs", "", 3, 4}, "3 outputs, expected 4"},
		"long score":          {with(2, Output{Float32: make([]float32, 2)}), make([]float32, 2), LengthError{"anomaly_score", "float32", 2, 1}, "score"},
		"long label":          {with(0, Output{Int64: make([]int64, 2)}), make([]float32, 2), LengthError{"label", "int64", 2, 1}, "label"},
		"label as float32":    {with(0, good[2]), make([]float32, 2), LengthError{"label", "float32", 1, 0}, "label holds 1 values of float32, expected 0"},
		"score as int64":      {with(2, good[0]), make([]float32, 2), LengthError{"anomaly_score", "float32", 0, 1}, "score"},
		"label of both types": {with(0, Output{Float32: good[2].Float32, Int64: good[0].Int64}), make([]float32, 2), LengthError{"label", "float32", 1, 0}, "label"},
		"label of neither":    {with(0, Output{}), make([]float32, 2), LengthError{"label", "int64", 0, 1}, "label holds 0 values of int64, expected 1"},
	}
	for name, c := range cases {
		err := p.Predict(t.Context(), c.out, c.window)
		var typed *LengthError
		if !errors.As(err, &typed) || *typed != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v", name, err, &c.want)
		}
	}
}

func TestMakesBuffersOfEachOutputsType(t *testing.T) {
	for i, output := range opened(t, classifierDir).NewOutputs() {
		wholeNumbers := i == 0 || i == 3
		if (output.Int64 != nil) != wholeNumbers || (output.Float32 != nil) == wholeNumbers {
			t.Errorf("output %d has %d float32 and %d int64 values", i, len(output.Float32), len(output.Int64))
		}
	}
}

func TestServesAsManySlotsAsKeepTheProcessorsBusy(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(5))
	for threads, want := range map[string]int{"1": 5, "2": 2, "5": 1, "6": 1} {
		p := opened(t, copied(t, `"intra_op_threads": 1`, `"intra_op_threads": `+threads))
		if got := cap(p.slots); got != want {
			t.Errorf("%s threads in a call: %d slots, want %d", threads, got, want)
		}
	}
	if got := cap(opened(t, goodDir, WithSlots(7)).slots); got != 7 {
		t.Errorf("%d slots, want the 7 asked for", got)
	}
}

func TestRefusesToServeWithoutSlots(t *testing.T) {
	rt := openedRuntime(t)
	for _, n := range []int{0, -1} {
		if _, err := Open(rt, goodDir, WithSlots(n)); err == nil || !strings.Contains(err.Error(), "expected at least 1") {
			t.Errorf("%d slots: got %v", n, err)
		}
	}
}

// Each refusal must also leave nothing open: closing the runtime, at the test's end, would fail.
func TestRefusesABundleThatItCannotServe(t *testing.T) {
	rt := openedRuntime(t)
	broken := copied(t)
	if err := os.WriteFile(filepath.Join(broken, "model.onnx"), []byte("not a model"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ dir, reason string }{
		"another model":   {broken, "model.onnx is 11 bytes long"},
		"another version": {copied(t, "dwcpc.bundle/1", "dwcpc.bundle/2"), "expected major version 1"},
		"nothing":         {filepath.Join(goodDir, "absent"), "not a folder"},
		"a score per row": {copied(t, `"score": "anomaly_score"`, `"score": "reconstruction"`), "decision.score is an output of 6 values"},
	}
	for name, c := range cases {
		_, err := Open(rt, c.dir)
		var typed *bundle.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want %q", name, err, c.reason)
		}
	}
	_, err := Open(rt, copied(t, `"anomaly_score"`, `"score"`))
	var signature *SignatureError
	if !errors.As(err, &signature) {
		t.Errorf("another output: got %v", err)
	}
}

func TestRefusesAModelThatDoesNotReproduceTheGoldenRows(t *testing.T) {
	// The golden outputs are float64: no float32 comes as near as this tolerance asks for.
	_, err := Open(openedRuntime(t), copied(t, "1e-06", "1e-12"))
	var typed *Mismatch
	if !errors.As(err, &typed) || typed.Tolerance != 1e-12 {
		t.Errorf("got %v", err)
	}
}

func TestKeepsTheRuntimeOpenWhileItServes(t *testing.T) {
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(rt, goodDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(); !errors.Is(err, dwcpc.ErrInUse) {
		t.Errorf("got %v", err)
	}
	if err := p.Predict(t.Context(), p.NewOutputs(), make([]float32, 6)); err != nil {
		t.Error(err)
	}
	if err := errors.Join(p.Close(), rt.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(rt, goodDir); !errors.Is(err, dwcpc.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestPredictAllocatesNothing(t *testing.T) {
	for _, dir := range []string{goodDir, classifierDir} {
		p := opened(t, dir)
		// Through an interface, as a service that tests itself without a model calls it.
		var service interface {
			Predict(ctx context.Context, out Outputs, window []float32) error
			Anomaly(out Outputs) (bool, error)
			Label(out Outputs) (int64, error)
		} = p
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out, row := p.NewOutputs(), window(p.Bundle(), 0)
		allocations := testing.AllocsPerRun(1000, func() {
			if err := service.Predict(ctx, out, row); err != nil {
				t.Fatal(err)
			}
			if _, err := service.Anomaly(out); err != nil {
				t.Fatal(err)
			}
			if _, err := service.Label(out); (err == nil) != (dir == classifierDir) {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations a prediction, want 0", dir, allocations)
		}
	}
}
