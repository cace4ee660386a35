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
		if got, want := float64(out[1][0]), b.Golden.Outputs[1][row]; math.Abs(got-want) > 1e-6 {
			t.Errorf("row %d: score is %v, want %v", row, got, want)
		}
		for i, got := range out[0] {
			if want := b.Golden.Outputs[0][row*6+i]; math.Abs(float64(got)-want) > 2e-6 {
				t.Errorf("row %d: reconstruction[%d] is %v, want %v", row, i, got, want)
			}
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

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
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
	p := opened(t, goodDir)
	good := p.NewOutputs()
	cases := map[string]struct {
		out    Outputs
		window []float32
		want   LengthError
	}{
		"short window":      {good, make([]float32, 5), LengthError{"x", 5, 6}},
		"no window":         {good, nil, LengthError{"x", 0, 6}},
		"no outputs":        {nil, make([]float32, 6), LengthError{"outputs", 0, 2}},
		"an output too few": {good[:1], make([]float32, 6), LengthError{"outputs", 1, 2}},
		"long score":        {Outputs{good[0], make([]float32, 2)}, make([]float32, 6), LengthError{"anomaly_score", 2, 1}},
	}
	for name, c := range cases {
		err := p.Predict(t.Context(), c.out, c.window)
		var typed *LengthError
		if !errors.As(err, &typed) || *typed != c.want {
			t.Errorf("%s: got %v, want %v", name, err, &c.want)
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
	p := opened(t, goodDir)
	// Through an interface, as a service that tests itself without a model calls it.
	var service interface {
		Predict(ctx context.Context, out Outputs, window []float32) error
		Anomaly(out Outputs) (bool, error)
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
	})
	if allocations != 0 {
		t.Errorf("%v allocations a prediction, want 0", allocations)
	}
}
