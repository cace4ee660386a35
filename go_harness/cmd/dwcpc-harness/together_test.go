package main

import "testing"

func TestTogetherHoldsEveryBundle(t *testing.T) {
	code, one := answer(t, "together", "--bundle", goodDir)
	expectKeys(t, one, "onnxruntime", "library", "bundles", "peak_memory_bytes")
	if peak, _ := one["peak_memory_bytes"].(float64); code != exitGood || one["bundles"] != 1.0 || peak < 1<<20 {
		t.Errorf("got %v", one)
	}
	code, both := answer(t, "together", "--bundle", goodDir, "--bundle", classifierDir)
	if code != exitGood || both["bundles"] != 2.0 {
		t.Errorf("got %v", both)
	}
}

func TestTogetherRefusesABrokenBundleByItsReason(t *testing.T) {
	code, got := answer(t, "together")
	expectFailure(t, code, got, exitInput, "usage", "--bundle is missing")
	broken := copied(t, "dwcpc.bundle/1", "dwcpc.bundle/2")
	code, got = answer(t, "together", "--bundle", goodDir, "--bundle", broken)
	expectFailure(t, code, got, exitInput, "bundle", `schema is "dwcpc.bundle/2"`)
}
