package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

// loaded runs load on the good bundle with args and returns the answer and the samples.
func loaded(t *testing.T, args ...string) (map[string]any, []int64) {
	t.Helper()
	samples := filepath.Join(t.TempDir(), "samples.npy")
	code, got := answer(t, append([]string{"load", "--bundle", goodDir, "--input", goodInput, "--samples", samples}, args...)...)
	if code != exitGood {
		t.Fatalf("got %v", got)
	}
	array, err := npy.ReadFile[int64](samples, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	return got, array.Data
}

func TestManyCallAtOnce(t *testing.T) {
	got, samples := loaded(t, "--concurrency", "3", "--calls", "500", "--min-seconds", "0")
	expectKeys(t, got, "onnxruntime", "library", "concurrency", "calls", "seconds")
	if len(samples) != 500 || got["calls"] != 500.0 || got["concurrency"] != 3.0 || slices.Min(samples) <= 0 {
		t.Errorf("%d samples, got %v", len(samples), got)
	}
}

func TestCallsComeAtTheirRate(t *testing.T) {
	got, samples := loaded(t, "--rate", "200", "--concurrency", "2", "--min-seconds", "0.5")
	seconds, _ := got["seconds"].(float64)
	if len(samples) != 100 || seconds < 0.49 {
		t.Errorf("%d samples in %v s", len(samples), seconds)
	}
}

func TestAClosedLoopEndsWhenItsPlanIsMet(t *testing.T) {
	next := closedLoop(measure.Plan{Calls: 10, Time: time.Second})
	for _, c := range []struct {
		index   int64
		elapsed time.Duration
		want    bool
	}{{9, 2 * time.Second, true}, {10, 2 * time.Second, false}, {1000, time.Millisecond, true}} {
		if due, ok := next(c.index, c.elapsed); ok != c.want || due != c.elapsed {
			t.Errorf("%+v: due at %v, %v", c, due, ok)
		}
	}
}

func TestAnOpenLoopCountsFromWhenACallWasDue(t *testing.T) {
	next := openLoop(10, 2*time.Second)
	for _, c := range []struct {
		index   int64
		elapsed time.Duration
		due     time.Duration
		want    bool
	}{
		{0, 0, 0, true},
		{7, time.Millisecond, 700 * time.Millisecond, true},
		{7, 5 * time.Second, 700 * time.Millisecond, true}, // late, and said so
		{7, 7 * time.Second, 700 * time.Millisecond, false},
		{20, 0, 2 * time.Second, false},
	} {
		if due, ok := next(c.index, c.elapsed); due != c.due || ok != c.want {
			t.Errorf("%+v: due at %v, %v", c, due, ok)
		}
	}
}

func TestLoadRefusesBadCommandLines(t *testing.T) {
	for reason, args := range map[string][]string{
		"--concurrency is 0": {"--concurrency", "0"},
		"--rate is -1":       {"--rate", "-1"},
		"--rate is NaN":      {"--rate", "NaN"},
		"--calls is 0":       {"--calls", "0"},
	} {
		code, got := answer(t, append([]string{"load", "--bundle", goodDir, "--input", goodInput, "--samples", "s.npy"}, args...)...)
		expectFailure(t, code, got, exitInput, "usage", reason)
	}
	code, got := answer(t, "load", "--bundle", filepath.Join(goodDir, "absent"), "--input", goodInput, "--samples", "s.npy")
	expectFailure(t, code, got, exitInput, "bundle", "absent is not a folder")
}
