package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

func TestABundleOfOneRowIsCheckedAndRunRowByRow(t *testing.T) {
	code, got := answer(t, "check", "--bundle", oneRowDir)
	if code != exitGood || got["ok"] != true || got["rows"] != 10.0 {
		t.Errorf("got %v", got)
	}
	var files [2][]byte
	for i, dir := range []string{goodDir, oneRowDir} {
		out := t.TempDir()
		if code, got := answer(t, "run", "--bundle", dir, "--input", goodInput, "--out", out); code != exitGood || got["rows"] != 10.0 {
			t.Fatalf("got %v", got)
		}
		content, err := os.ReadFile(filepath.Join(out, "reconstruction.npy"))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = content
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the bundle of one row answers otherwise than the one of any number")
	}
}

func TestABundleOfOneRowIsPairedWithAnyOther(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	four := written(t, npy.Array[float32]{Shape: []int{3, 4}, Data: make([]float32, 12)})
	for name, other := range map[string][]string{
		"one of any number of rows": {"--other", goodDir},
		"a candidate of one row":    {"--other-model", filepath.Join(oneRowDir, "model.onnx")},
		"a foreign model":           {"--other-model", addOne, "--other-input", "x=" + four},
	} {
		code, got, _ := paired(t, append(other, "--bundle", oneRowDir, "--calls", "30")...)
		if code != exitGood || got["pairs"] != 2.0 {
			t.Errorf("%s: got %v", name, got)
		}
	}
	code, got, _ := paired(t, "--bundle", oneRowDir, "--other-model", filepath.Join(goodDir, "model.onnx"))
	expectFailure(t, code, got, exitInput, "bundle", "x is of shape [-1 3 2]")
}
