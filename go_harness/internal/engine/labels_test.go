package engine

import (
	"slices"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// classifierSlot is of a model with an int64 label, float32 probabilities and score, and an int64 flag; x is [batch, 2].
func classifierSlot(t testing.TB, rows int) *Slot {
	t.Helper()
	inputs := []bundle.Tensor{{Name: "x", DType: "float32", Shape: bundle.Shape{2}}}
	outputs := []bundle.Tensor{
		{Name: "label", DType: "int64"},
		{Name: "probabilities", DType: "float32", Shape: bundle.Shape{3}},
		{Name: "anomaly_score", DType: "float32"},
		{Name: "anomaly", DType: "int64"},
	}
	session, err := opened(t).NewSession(fixture(t, "bundles", "classifier", "model.onnx"), pinned, anyRows, inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, session)
	slot, err := session.NewSlot(rows)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, slot)
	return slot
}

func classifierOutputs(rows int) []bundle.Output {
	return []bundle.Output{
		{Int64: make([]int64, rows)}, {Float32: make([]float32, 3*rows)}, {Float32: make([]float32, rows)}, {Int64: make([]int64, rows)},
	}
}

func TestPredictsWholeNumbersBesideFloats(t *testing.T) {
	slot, dst := classifierSlot(t, 3), classifierOutputs(3)
	for range 2 {
		if err := slot.Predict(dst, [][]float32{{0, 0, 1, -5, 10, 0}}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(dst[0].Int64, []int64{7, -1, 0}) || !slices.Equal(dst[3].Int64, []int64{0, 0, 1}) {
			t.Errorf("labels are %v and flags %v", dst[0].Int64, dst[3].Int64)
		}
		if !slices.Equal(dst[1].Float32[3:6], []float32{0.5, 0.25, 0.25}) || !slices.Equal(dst[2].Float32, []float32{0, 0.1, 1}) {
			t.Errorf("probabilities are %v and scores %v", dst[1].Float32, dst[2].Float32)
		}
		clear(dst[0].Int64)
		clear(dst[1].Float32)
	}
}

func TestPredictAllocatesNothingForWholeNumbersEither(t *testing.T) {
	slot, dst, src := classifierSlot(t, 1), classifierOutputs(1), [][]float32{{1, -5}}
	allocations := testing.AllocsPerRun(1000, func() {
		if err := slot.Predict(dst, src); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a prediction, want 0", allocations)
	}
}
