package registry

import (
	"errors"
	"testing"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestPredictsABatchWithOneVersion(t *testing.T) {
	log := &recorder{}
	m := latest(t, published(t, "1.0").open(WithBatch(3), WithObserver(log)))
	out, windows := m.NewBatch(3), []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	v, err := m.PredictBatch(t.Context(), out, windows)
	if err != nil || v.Number() != "1.0" {
		t.Fatal(v, err)
	}
	for i, y := range out[0].Float32 {
		if y != windows[i]+constant("1.0") {
			t.Errorf("got %v", out[0].Float32)
			break
		}
	}
	if rows := log.made["adder 1.0"].rows; rows != 3 {
		t.Errorf("%d rows were observed", rows)
	}
	var typed *predictor.BatchError
	if _, err := m.PredictBatch(t.Context(), m.NewBatch(4), make([]float32, 16)); !errors.As(err, &typed) || typed.Limit != 3 {
		t.Errorf("got %v", err)
	}
	m.Unload()
	if _, err := m.PredictBatch(t.Context(), out, windows); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestABatchAllocatesNothing(t *testing.T) {
	m := latest(t, published(t, "1.0").open(WithBatch(3)))
	out, windows := m.NewBatch(3), make([]float32, 12)
	allocations := testing.AllocsPerRun(1000, func() {
		if _, err := m.PredictBatch(t.Context(), out, windows); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want 0", allocations)
	}
}
