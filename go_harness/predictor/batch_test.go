package predictor

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestPredictsEveryRowOfABatchAsAlone(t *testing.T) {
	for _, dir := range []string{goodDir, classifierDir} {
		p := opened(t, dir, WithBatch(5), WithSlots(2))
		b := p.Bundle()
		golden := b.Golden.Inputs[0]
		n := b.Metadata.Inputs[0].Shape.Elements()
		for rows := 1; rows <= 5; rows++ {
			for start := 0; start+rows <= b.Metadata.Golden.Rows; start++ {
				out := p.NewBatch(rows)
				if err := p.PredictBatch(t.Context(), out, golden[start*n:(start+rows)*n]); err != nil {
					t.Fatal(err)
				}
				for row := range rows {
					alone := p.NewOutputs()
					if err := p.Predict(t.Context(), alone, golden[(start+row)*n:(start+row+1)*n]); err != nil {
						t.Fatal(err)
					}
					if got := rowOf(out, row, rows); !slices.EqualFunc(got, alone, sameBits) {
						t.Errorf("row %d of %d from %d: got %v, alone %v", row, rows, start, got, alone)
					}
				}
			}
		}
	}
}

// rowOf returns one row of a batch's outputs.
func rowOf(out Outputs, row, rows int) Outputs {
	found := make(Outputs, len(out))
	for i, output := range out {
		floats, labels := len(output.Float32)/rows, len(output.Int64)/rows
		found[i] = Output{Float32: output.Float32[row*floats : (row+1)*floats], Int64: output.Int64[row*labels : (row+1)*labels]}
	}
	return found
}

func TestPredictsBatchesFromManyGoroutines(t *testing.T) {
	p := opened(t, goodDir, WithBatch(4), WithSlots(2))
	window := p.Bundle().Golden.Inputs[0]
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 100 {
				rows := 1 + (worker+i)%4
				want, out := p.NewBatch(rows), p.NewBatch(rows)
				err := errors.Join(p.PredictBatch(context.Background(), want, window[:6*rows]), p.PredictBatch(context.Background(), out, window[:6*rows]))
				if err != nil || !slices.EqualFunc(out, want, sameBits) {
					t.Errorf("%d rows: got %v and %v (%v)", rows, out, want, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestRefusesABatchOfMoreRows(t *testing.T) {
	for limit, p := range map[int]*Predictor{1: opened(t, goodDir), 3: opened(t, goodDir, WithBatch(3))} {
		err := p.PredictBatch(t.Context(), p.NewBatch(4), make([]float32, 24))
		var typed *BatchError
		if !errors.As(err, &typed) || *typed != (BatchError{Rows: 4, Limit: limit}) || !strings.Contains(err.Error(), "WithBatch(4)") {
			t.Errorf("got %v", err)
		}
	}
}

func TestRefusesABatchThatIsNoWholeNumberOfRows(t *testing.T) {
	p := opened(t, goodDir, WithBatch(3))
	for name, c := range map[string]struct {
		out     Outputs
		windows []float32
		want    LengthError
	}{
		"no row":              {p.NewBatch(1), nil, LengthError{"x", "float32", 0, 6}},
		"a row and a half":    {p.NewBatch(1), make([]float32, 9), LengthError{"x", "float32", 9, 6}},
		"outputs for another": {p.NewBatch(3), make([]float32, 12), LengthError{"reconstruction", "float32", 18, 12}},
		"outputs for one":     {p.NewOutputs(), make([]float32, 12), LengthError{"reconstruction", "float32", 6, 12}},
		"no outputs":          {nil, make([]float32, 12), LengthError{"outputs", "", 0, 2}},
	} {
		err := p.PredictBatch(t.Context(), c.out, c.windows)
		var typed *LengthError
		if !errors.As(err, &typed) || *typed != c.want {
			t.Errorf("%s: got %v, want %v", name, err, &c.want)
		}
	}
	closed := opened(t, goodDir, WithBatch(2))
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := closed.PredictBatch(t.Context(), closed.NewBatch(2), make([]float32, 12)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestRefusesBatchesThatCannotBe(t *testing.T) {
	rt := openedRuntime(t)
	for rows, reason := range map[int]string{0: "expected at least 1", -1: "expected at least 1", 1 << 23: "expected at most 2796202 for x"} {
		if _, err := Open(rt, goodDir, WithBatch(rows)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%d rows: got %v", rows, err)
		}
	}
}

// A row alone is as the golden vectors say, beside another one it is not.
func TestRefusesBatchesOfAModelWhoseRowsDependOnEachOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "v1.0")
	bundletest.Coupled("coupled", "1.0").Write(t, goodDir, dir)
	rt := openedRuntime(t)
	p, err := Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	_, err = Open(rt, dir, WithBatch(2))
	var typed *Mismatch
	if !errors.As(err, &typed) || !strings.Contains(err.Error(), "batches of 2 rows") {
		t.Errorf("got %v", err)
	}
}

func TestPredictBatchAllocatesNothing(t *testing.T) {
	p := opened(t, goodDir, WithBatch(8))
	outs := []Outputs{p.NewBatch(1), p.NewBatch(2), p.NewBatch(7), p.NewBatch(8)}
	windows := p.Bundle().Golden.Inputs[0]
	allocations := testing.AllocsPerRun(500, func() {
		for i, rows := range []int{1, 2, 7, 8} {
			if err := p.PredictBatch(t.Context(), outs[i], windows[:6*rows]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want 0", allocations)
	}
}

// What a row costs in batches of 64.
func BenchmarkPredictBatch(b *testing.B) {
	const rows = 64
	p := opened(b, goodDir, WithBatch(rows))
	out, windows := p.NewBatch(rows), slices.Repeat(window(p.Bundle(), 0), rows)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.PredictBatch(context.Background(), out, windows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
