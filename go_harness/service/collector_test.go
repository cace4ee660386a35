package service

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func collected(t testing.TB, capacity int, rows ...[]float32) *Collector {
	t.Helper()
	c, err := NewCollector([]string{"throughput", "rtt"}, capacity)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if err := c.Add(noon.Add(time.Duration(i)*time.Minute), row); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestKeepsTheLastSamplesInOrder(t *testing.T) {
	c := collected(t, 3, []float32{1, 10}, []float32{2, 20}, []float32{3, 30}, []float32{4, 40}, []float32{5, 50})
	window := make([]float32, 4)
	newest, ok := c.Window(window)
	if !ok || !slices.Equal(window, []float32{4, 40, 5, 50}) || !newest.Equal(noon.Add(4*time.Minute)) || c.Len() != 3 {
		t.Errorf("got %v of %v, %d samples", window, newest, c.Len())
	}
	if _, ok := c.Window(make([]float32, 8)); ok {
		t.Error("gave a window of 4 out of 3 samples")
	}
	if times, values := c.snapshot(); len(times) != 3 || !slices.Equal(values, []float32{3, 30, 4, 40, 5, 50}) {
		t.Errorf("got %v %v", times, values)
	}
}

func TestTakesNoSampleOutOfPlace(t *testing.T) {
	c := collected(t, 3, []float32{1, 10})
	var refused *SampleError
	for name, err := range map[string]error{
		"a short one": c.Add(noon.Add(time.Hour), []float32{1}), "the same time": c.Add(noon, []float32{1, 2}), "an older one": c.Add(noon.Add(-1), []float32{1, 2}),
	} {
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.Len() != 1 {
		t.Errorf("kept %d", c.Len())
	}
}

func TestAddingASampleAllocatesNothing(t *testing.T) {
	c, at := collected(t, 10), noon
	if n := testing.AllocsPerRun(100, func() {
		at = at.Add(time.Second)
		_ = c.Add(at, link)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStatisticsKeepTheDigitsOfValuesThatAreFarFromZero(t *testing.T) {
	nan := float32(math.NaN())
	c := collected(t, 9, []float32{1e6 + 1, nan}, []float32{1e6 + 2, nan}, []float32{1e6 + 3, float32(math.Inf(1))}, []float32{1e6 + 6, nan})
	s := c.Statistics()
	if s[0] != (Statistics{Channel: "throughput", Count: 4, Mean: 1e6 + 3, StdDev: math.Sqrt(14.0 / 3), Min: 1e6 + 1, Max: 1e6 + 6}) {
		t.Errorf("got %+v", s[0])
	}
	if s[1].Count != 0 || s[1].Missing != 4 || !math.IsNaN(s[1].Mean) || !math.IsNaN(s[1].StdDev) || !math.IsNaN(s[1].Max) {
		t.Errorf("got %+v", s[1])
	}
	if empty := collected(t, 1).Statistics(); len(empty) != 2 || empty[1].Count != 0 || !math.IsNaN(empty[1].Min) {
		t.Errorf("got %+v", empty)
	}
}

// The files are what Python's tests read: tests/parity/test_exported_samples.py.
func TestWritesTheFilesThatPythonReads(t *testing.T) {
	c := collected(t, 9, []float32{100.25, 40}, []float32{float32(math.NaN()), 41}, []float32{0.1, 1e-7}, []float32{3e8, -2})
	for name, write := range map[string]func(*bytes.Buffer) error{
		"training.csv":    func(b *bytes.Buffer) error { return c.WriteCSV(b) },
		"calibration.csv": func(b *bytes.Buffer) error { return c.WriteCalibration(b) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", "..", "tests", "fixtures", "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%swant\n%s", name, got.String(), want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestSaysWhenSamplesCannotBeWritten(t *testing.T) {
	if err := collected(t, 1, link).WriteCSV(full{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
