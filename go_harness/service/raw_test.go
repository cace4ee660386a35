package service

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/features"
)

// A link's throughput and its change; a pause of more than a minute ends the history.
const linkSpec = `{
 "schema": "dwcpc.features/1", "name": "link", "time": {"column": "at", "duplicate": "keep", "max_gap": 60},
 "columns": [{"name": "mbps"}],
 "steps": [
  {"name": "throughput", "op": "copy", "of": "mbps"},
  {"name": "change", "op": "difference", "of": "mbps", "fill": 0}
 ]
}`

func parsed(t testing.TB) *features.Spec {
	t.Helper()
	spec, err := features.Parse([]byte(linkSpec))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func raw(t testing.TB) (*Raw, *Collector) {
	t.Helper()
	collector, err := NewCollector([]string{"throughput", "change"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRaw(parsed(t), collector)
	if err != nil {
		t.Fatal(err)
	}
	return r, collector
}

var midnight = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return midnight.Add(time.Duration(seconds * float64(time.Second)))
}

func add(t testing.TB, r *Raw, seconds, mbps float64) {
	t.Helper()
	if err := r.Add(after(seconds), []float64{mbps}); err != nil {
		t.Fatal(err)
	}
}

func TestRawSamplesAreCollectedAsTheFeaturesOfTheTraining(t *testing.T) {
	r, collector := raw(t)
	for i, mbps := range []float64{900, 950, 930} {
		add(t, r, float64(i), mbps)
	}
	window := make([]float32, 4)
	newest, ok := collector.Window(window)
	if !ok || !newest.Equal(after(2)) || !slices.Equal(window, []float32{950, 50, 930, -20}) {
		t.Errorf("got %v, %v, %v", window, newest, ok)
	}
}

func TestNoWindowReachesOverAGapThatEndsTheHistory(t *testing.T) {
	r, collector := raw(t)
	add(t, r, 0, 900)
	add(t, r, 60, 950) // the longest that goes on
	window := make([]float32, 4)
	if _, ok := collector.Window(window); !ok {
		t.Error("a pause of max_gap ended the history")
	}
	add(t, r, 120.5, 930)
	if _, ok := collector.Window(window); ok {
		t.Errorf("a window reaches over the gap: %v", window)
	}
	add(t, r, 121, 940)
	if _, ok := collector.Window(window); !ok || !slices.Equal(window, []float32{930, 0, 940, 10}) {
		t.Errorf("got %v", window)
	}
	if collector.Len() != 4 {
		t.Errorf("got %d samples, want all 4: they are for training", collector.Len())
	}
}

func TestARefusedSampleLeavesNoTraceInTheHistory(t *testing.T) {
	r, collector := raw(t)
	add(t, r, 0, 900)
	var sample *SampleError
	for _, seconds := range []float64{0, -1} { // the specification keeps duplicates, a window cannot
		if err := r.Add(after(seconds), []float64{1}); !errors.As(err, &sample) {
			t.Errorf("at %v: got %v", seconds, err)
		}
	}
	var length *features.LengthError
	if err := r.Add(after(1), []float64{1, 2}); !errors.As(err, &length) {
		t.Errorf("got %v", err)
	}
	add(t, r, 2, 910)
	window := make([]float32, 4)
	if _, ok := collector.Window(window); !ok || !slices.Equal(window, []float32{900, 0, 910, 10}) {
		t.Errorf("got %v", window)
	}
}

func TestACollectorOfOtherChannelsIsRefusedByTheFirstThatDiffers(t *testing.T) {
	collector, err := NewCollector([]string{"change", "throughput"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	var columns *features.ColumnsError
	if _, err := NewRaw(parsed(t), collector); !errors.As(err, &columns) {
		t.Errorf("got %v", err)
	}
}

func TestARawSampleAllocatesNothing(t *testing.T) {
	r, _ := raw(t)
	row, at := []float64{900}, 0.0
	if got := testing.AllocsPerRun(100, func() {
		at++
		row[0] = math.Mod(at, 7)
		add(t, r, at, row[0])
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}
