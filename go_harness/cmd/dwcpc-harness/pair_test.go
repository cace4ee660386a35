package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

var addOne = filepath.Join(repository, "tests", "fixtures", "add_one.onnx")

// paired runs two pairs of the good bundle and what args name, and returns the answer and the file for the samples.
func paired(t *testing.T, args ...string) (code int, got map[string]any, samples string) {
	t.Helper()
	samples = filepath.Join(t.TempDir(), "pairs.npy")
	args = append([]string{"pair", "--bundle", goodDir, "--input", goodInput, "--samples", samples, "--pairs", "2", "--min-seconds", "0"}, args...)
	code, got = answer(t, args...)
	return code, got, samples
}

// written writes array into a folder of its own and returns its path.
func written(t *testing.T, array npy.Array[float32]) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.npy")
	if err := npy.WriteFile(path, array); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPairMeasuresBothSides(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	four := written(t, npy.Array[float32]{Shape: []int{3, 4}, Data: make([]float32, 12)})
	for name, other := range map[string][]string{
		"another bundle":                  {"--other", copied(t)},
		"a bundle with inputs of its own": {"--other", classifierDir, "--other-input", classifierInput},
		"a model of the same signature":   {"--other-model", filepath.Join(goodDir, "model.onnx")},
		"a model with its own signature":  {"--other-model", addOne, "--other-input", "x=" + four},
	} {
		code, got, samples := paired(t, append(other, "--calls", "30")...)
		expectKeys(t, got, "onnxruntime", "library", "pairs", "calls_a", "calls_b", "seconds", "stable")
		if code != exitGood || got["pairs"] != 2.0 || got["calls_a"] != 60.0 || got["calls_b"] != 60.0 || got["library"] == "" {
			t.Errorf("%s: got %v", name, got)
			continue
		}
		array, err := npy.ReadFile[int64](samples, 1<<20)
		if err != nil || !slices.Equal(array.Shape, []int{2, 2, 2}) || slices.Min(array.Data) <= 0 {
			t.Errorf("%s: samples are %v (%v)", name, array, err)
		}
	}
}

func TestAControlIsMeasuredAlongside(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	code, got, samples := paired(t, "--other", copied(t), "--calls", "30", "--control")
	if code != exitGood || got["calls_a"] != 60.0 || got["calls_control"] != 60.0 {
		t.Fatalf("got %v", got)
	}
	array, err := npy.ReadFile[int64](samples, 1<<20)
	if err != nil || !slices.Equal(array.Shape, []int{2, 3, 2}) || slices.Min(array.Data) <= 0 {
		t.Errorf("samples are %v (%v)", array, err)
	}
}

func TestAStandsBesideBothThatItIsComparedWith(t *testing.T) {
	p := &pairing{sides: make([]side, 3)}
	for index, want := range [][]int{{sideControl, sideA, sideB}, {sideB, sideA, sideControl}, {sideControl, sideA, sideB}} {
		if got := p.order(index); !slices.Equal(got, want) {
			t.Errorf("pair %d: %v, want %v", index, got, want)
		}
	}
	p = &pairing{sides: make([]side, 2)}
	for index, want := range [][]int{{sideA, sideB}, {sideB, sideA}} {
		if got := p.order(index); !slices.Equal(got, want) {
			t.Errorf("pair %d: %v, want %v", index, got, want)
		}
	}
}

func TestABlockOfPairLastsForItsTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	code, got, _ := paired(t, "--other", goodDir, "--calls", "1", "--min-seconds", "0.05")
	calls, _ := got["calls_b"].(float64)
	if seconds, _ := got["seconds"].(float64); code != exitGood || calls < 100 || seconds < 4*0.05 {
		t.Errorf("got %v", got)
	}
}

func TestPairTellsAModelFromAFasterOne(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	rows := written(t, npy.Array[float32]{Shape: []int{3, 4}, Data: make([]float32, 12)})
	code, got, samples := paired(t, "--other-model", addOne, "--other-input", "x="+rows, "--calls", "500")
	array, err := npy.ReadFile[int64](samples, 1<<20)
	if code != exitGood || err != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	for pair := range 2 {
		if nine, one := array.Data[4*pair], array.Data[4*pair+2]; one >= nine {
			t.Errorf("pair %d: nine nodes took %d ns, one took %d", pair, nine, one)
		}
	}
}

func TestPairRefusesBadCommandLines(t *testing.T) {
	for reason, args := range map[string][]string{
		"one of --other and --other-model, found neither": {},
		"one of --other and --other-model, found both":    {"--other", goodDir, "--other-model", addOne},
		"--pairs is 0":                           {"--other", goodDir, "--pairs", "0"},
		"--pairs is 1001":                        {"--other", goodDir, "--pairs", "1001"},
		"pair: --calls is 0":                     {"--other", goodDir, "--calls", "0"},
		"pair: --min-seconds is NaN":             {"--other", goodDir, "--min-seconds", "NaN"},
		"is not NAME=FILE.npy":                   {"--other", goodDir, "--other-input", "x.npy"},
		"--input x=FILE.npy is missing":          {"--other", goodDir, "--other-input", "y=a.npy"},
		"unexpected argument":                    {"--other", goodDir, "now"},
		"flag provided but not defined: -others": {"--others", goodDir},
	} {
		code, got, _ := paired(t, args...)
		expectFailure(t, code, got, exitInput, "usage", reason)
	}
	for missing, args := range map[string][]string{
		"--bundle is missing":  {"--samples", "s.npy", "--input", goodInput, "--other", goodDir},
		"--samples is missing": {"--bundle", goodDir, "--input", goodInput, "--other", goodDir},
		"--input is missing":   {"--bundle", goodDir, "--samples", "s.npy", "--other", goodDir},
	} {
		code, got := answer(t, append([]string{"pair"}, args...)...)
		expectFailure(t, code, got, exitInput, "usage", missing)
	}
}

func TestPairRefusesAnotherSideThatCannotBeCompared(t *testing.T) {
	text, unbound := filepath.Join(t.TempDir(), "text.onnx"), written(t, npy.Array[float32]{Shape: []int{1, 2}, Data: make([]float32, 2)})
	if err := os.WriteFile(text, []byte("this is no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, reason string
		args         []string
	}{
		{"bundle", "absent is not a folder", []string{"--other", filepath.Join(goodDir, "absent")}},
		{"bundle", `schema is "dwcpc.bundle/2"`, []string{"--other", copied(t, "dwcpc.bundle/1", "dwcpc.bundle/2")}},
		{"input", "no such file", []string{"--other-model", "absent.onnx"}},
		{"input", "is not a regular file", []string{"--other-model", goodDir}},
		{"input", "expected at least one row of [2] for input x", []string{"--other", classifierDir}},
		{"input", "expected at least one row of [4] for input x", []string{"--other-model", addOne, "--other-input", "x=" + unbound}},
		{"bundle", "text.onnx: engine: model.onnx: the file is unreadable", []string{"--other-model", text}},
		{"bundle", "text.onnx: engine: model.onnx: the file is unreadable", []string{"--other-model", text, "--other-input", "x=" + unbound}},
		{"bundle", "add_one.onnx: engine: model.onnx: x is of shape [-1 4]", []string{"--other-model", addOne}},
	} {
		code, got, samples := paired(t, c.args...)
		expectFailure(t, code, got, exitInput, c.kind, c.reason)
		if _, err := os.Stat(samples); !os.IsNotExist(err) {
			t.Errorf("%v left samples behind (%v)", c.args, err)
		}
	}
}

func TestEachSideIsFirstInEveryWayEquallyOften(t *testing.T) {
	seen := map[[2]int]int{}
	for index := range 20 {
		opened, measured := order(index/2), order(index)
		if opened[0]+opened[1] != 1 || measured[0]+measured[1] != 1 {
			t.Errorf("pair %d opens %v and measures %v", index, opened, measured)
		}
		seen[[2]int{opened[0], measured[0]}]++
	}
	for _, first := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
		if seen[first] != 5 {
			t.Errorf("%d of 20 pairs open %d and measure %d first", seen[first], first[0], first[1])
		}
	}
}
