package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

const lagSpec = `{"schema": "dwcpc.features/1", "name": "small", "group": "node", "time": {"column": "at", "late": "skip"},
	"columns": [{"name": "x"}], "steps": [{"name": "before", "op": "lag", "of": "x", "samples": 1, "fill": -1}, {"name": "x", "op": "copy", "of": "x"}]}`

// featureFiles writes a specification and a table, and returns the command line and the folder for what it makes.
func featureFiles(t *testing.T, times []float64, groups []int64) (args []string, out string) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	raw := npy.Array[float64]{Shape: []int{len(times), 1}}
	for i := range times {
		raw.Data = append(raw.Data, float64(i))
	}
	for _, err := range []error{
		os.WriteFile(file("spec.json"), []byte(lagSpec), 0o600),
		npy.WriteFile(file("raw.npy"), raw),
		npy.WriteFile(file("times.npy"), npy.Array[float64]{Shape: []int{len(times)}, Data: times}),
		npy.WriteFile(file("groups.npy"), npy.Array[int64]{Shape: []int{len(groups)}, Data: groups}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"features", "--spec", file("spec.json"), "--raw", file("raw.npy"), "--times", file("times.npy"), "--groups", file("groups.npy"), "--out", file("out.npy"),
	}, dir
}

func TestFeaturesOfATable(t *testing.T) {
	args, dir := featureFiles(t, []float64{1, 2, 1, 3}, []int64{0, 0, 0, 1})
	code, got := answer(t, args...)
	expectKeys(t, got, "rows", "taken", "skipped", "refused", "first_refusal", "features")
	array, err := npy.ReadFile[float64](filepath.Join(dir, "out.npy"), 1<<20)
	if code != exitGood || err != nil || got["skipped"] != 1.0 || !slices.Equal(array.Data, []float64{-1, 0, 0, 1, -1, 3}) {
		t.Errorf("got %v, %v, %v", got, array, err)
	}
}

func TestAStreamGoesOnAfterARefusedSampleAndABatchDoesNot(t *testing.T) {
	args, dir := featureFiles(t, []float64{1, math.NaN(), 1, 2}, []int64{0, 0, 0, 0})
	code, got := answer(t, args...)
	expectFailure(t, code, got, exitInput, "input", "row 1: at is NaN")
	statuses := filepath.Join(dir, "statuses.npy")
	code, got = answer(t, append(args, "--statuses", statuses)...)
	became, err := npy.ReadFile[int64](statuses, 1<<20)
	if code != exitGood || err != nil || got["refused"] != 2.0 || !slices.Equal(became.Data, []int64{2, 0, 0, 2}) {
		t.Errorf("got %v, %v, %v", got, became, err)
	}
}

func TestFeaturesRefusesFilesThatDoNotFit(t *testing.T) {
	args, dir := featureFiles(t, []float64{1, 2}, []int64{0})
	code, got := answer(t, args...)
	expectFailure(t, code, got, exitInput, "input", "groups.npy: shape is [1], expected [2]")
	code, got = answer(t, args[:5]...)
	expectFailure(t, code, got, exitInput, "usage", "--out is missing")
	code, got = answer(t, append(args[:5:5], "--out", filepath.Join(dir, "out.npy"))...)
	expectFailure(t, code, got, exitInput, "usage", "--times is missing")
	if err := os.WriteFile(filepath.Join(dir, "spec.json"), []byte(`{"schema": "dwcpc.features/2"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, got = answer(t, args...)
	expectFailure(t, code, got, exitInput, "input", "spec.json: schema is")
}
