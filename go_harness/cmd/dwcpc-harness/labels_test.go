package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

func TestCheckProvesLabelsAndFlags(t *testing.T) {
	code, got := answer(t, "check", "--bundle", classifierDir)
	worst, _ := got["worst"].(map[string]any)
	expectKeys(t, worst, "label", "probabilities", "anomaly_score", "anomaly")
	if code != exitGood || worst["label"] != 0.0 || worst["anomaly"] != 0.0 {
		t.Errorf("got %v", got)
	}
}

func TestRunWritesLabelsAndFlagsAsWholeNumbers(t *testing.T) {
	want := map[string][]int64{"label": {7, -1, 0, 0, -1, 7, 7, 0, -1, -1}, "anomaly": {0, 0, 0, 0, 1, 0, 0, 1, -1, -1}}
	for _, batch := range []string{"1", "3", "10"} {
		out := t.TempDir()
		code, got := answer(t, "run", "--bundle", classifierDir, "--input", classifierInput, "--out", out, "--batch", batch)
		if code != exitGood {
			t.Fatalf("got %v", got)
		}
		for name, values := range want {
			array, err := npy.ReadFile[int64](filepath.Join(out, name+".npy"), 1<<20)
			if err != nil || !slices.Equal(array.Shape, []int{10}) || !slices.Equal(array.Data, values) {
				t.Errorf("batch %s: %s is %v (%v), want %v", batch, name, array, err, values)
			}
		}
		probabilities, err := npy.ReadFile[float32](filepath.Join(out, "probabilities.npy"), 1<<20)
		if err != nil || !slices.Equal(probabilities.Shape, []int{10, 3}) || !slices.Equal(probabilities.Data[3:6], []float32{0.5, 0.25, 0.25}) {
			t.Errorf("batch %s: probabilities are %v (%v)", batch, probabilities, err)
		}
	}
}

func TestBenchMeasuresAModelWithLabels(t *testing.T) {
	samples := filepath.Join(t.TempDir(), "samples.npy")
	code, got := answer(t, "bench", "--bundle", classifierDir, "--input", classifierInput, "--calls", "100", "--min-seconds", "0", "--samples", samples)
	if code != exitGood || got["calls"] != 100.0 {
		t.Errorf("got %v", got)
	}
}
