package features

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// lagging has one feature that tells the history: the sample before.
func lagging(t testing.TB, time string) *Plan {
	t.Helper()
	return Compile(parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "group": "node", "time": {"column": "at"`+time+`},
		"columns": [{"name": "x"}, {"name": "mode", "type": "category", "categories": ["a", "b"]}],
		"steps": [{"name": "before", "op": "lag", "of": "x", "samples": 1}, {"name": "mode_b", "op": "one_hot", "of": "mode", "category": "b"}]}`))
}

func TestRowsThatBreakTheOrderAreTreatedAsTheSpecificationSays(t *testing.T) {
	type sample struct {
		at, x, mode float64
		status      Status
		cause       error
		before      float64
	}
	for name, c := range map[string]struct {
		time    string
		samples []sample
	}{
		"refused by default": {"", []sample{
			{10, 1, 0, Taken, nil, nan}, {9, 2, 0, Refused, ErrLate, 0}, {10, 3, 0, Refused, ErrDuplicate, 0},
			{nan, 4, 0, Refused, ErrTime, 0}, {math.Inf(1), 5, 0, Refused, ErrTime, 0}, {11, 6, 0, Taken, nil, 1},
		}},
		"skipped": {`, "late": "skip", "duplicate": "skip"`, []sample{
			{10, 1, 0, Taken, nil, nan}, {9, 2, 0, Skipped, nil, 0}, {10, 3, 7, Skipped, nil, 0}, {nan, 4, 0, Refused, ErrTime, 0}, {1e9, 6, 0, Taken, nil, 1},
		}},
		"kept": {`, "duplicate": "keep"`, []sample{
			{10, 1, 0, Taken, nil, nan}, {10, 2, 0, Taken, nil, 1}, {9.5, 3, 0, Refused, ErrLate, 0}, {10, 4, 0, Taken, nil, 2},
		}},
		"a gap": {`, "max_gap": 5`, []sample{
			{10, 1, 0, Taken, nil, nan}, {15, 2, 0, Taken, nil, 1}, {20.5, 3, 0, Taken, nil, nan}, {21, 4, 0, Taken, nil, 3},
		}},
		"unknown categories": {`, "max_gap": 5`, []sample{
			{-9, 1, nan, Refused, ErrUnknownCategory, 0}, {1, 1, 1, Taken, nil, nan}, {2, 2, 0.5, Refused, ErrUnknownCategory, 0},
			{90, 2, 2, Refused, ErrUnknownCategory, 0}, {3, 3, -1, Refused, ErrUnknownCategory, 0}, {2, 5, 0, Taken, nil, 1},
		}},
	} {
		stream, groups := lagging(t, c.time).NewStream(), lagging(t, c.time).NewGroups()
		for i, s := range c.samples {
			for way, push := range map[string]func([]float64) (Status, error){
				"stream": func(out []float64) (Status, error) { return stream.Push(out, s.at, []float64{s.x, s.mode}) },
				"groups": func(out []float64) (Status, error) { return groups.Push(out, "n", s.at, []float64{s.x, s.mode}) },
			} {
				out := []float64{-7, -7}
				status, err := push(out)
				if status != s.status || !errors.Is(err, s.cause) || (err == nil) != (s.cause == nil) {
					t.Errorf("%s, %s, sample %d: %v and %v", name, way, i, status, err)
				}
				var told *SampleError
				if err != nil && (!errors.As(err, &told) || told.Column == "" || told.Row != NoRow) {
					t.Errorf("%s: got %#v", name, err)
				}
				if status == Taken && !same(out[0], s.before) || status != Taken && out[0] != -7 {
					t.Errorf("%s, %s, sample %d: features %v, want the sample before to be %v", name, way, i, out, s.before)
				}
			}
		}
	}
}

func TestAMissingGroupKeyIsRefused(t *testing.T) {
	groups := lagging(t, "").NewGroups()
	_, err := groups.Push(make([]float64, 2), "", 1, []float64{1, 0})
	if !errors.Is(err, ErrNoGroup) || !strings.Contains(err.Error(), "node") || groups.Len() != 0 {
		t.Errorf("got %v", err)
	}
}

func TestSlicesOfAnotherLengthAreRefused(t *testing.T) {
	stream := lagging(t, "").NewStream()
	for _, push := range []func() (Status, error){
		func() (Status, error) { return stream.Push(make([]float64, 3), 1, make([]float64, 2)) },
		func() (Status, error) { return stream.Push32(make([]float32, 1), 1, make([]float64, 2)) },
		func() (Status, error) { return stream.Push(make([]float64, 2), 1, make([]float64, 1)) },
	} {
		var told *LengthError
		if status, err := push(); status != Refused || !errors.As(err, &told) || told.Expected != 2 {
			t.Errorf("got %v, %v", status, err)
		}
	}
}

func TestATextIsAPlaceOrMissingOrRefused(t *testing.T) {
	spec := parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "columns": [
		{"name": "strict", "type": "category", "categories": ["a", "b"]}, {"name": "lax", "type": "category", "categories": ["a"], "unknown": "missing"}, {"name": "x"}],
		"steps": [{"name": "f", "op": "label", "of": "lax", "fill": -1}]}`)
	if code, err := spec.Code("strict", "b"); code != 1 || err != nil {
		t.Errorf("got %v, %v", code, err)
	}
	if code, err := spec.Code("lax", ""); !isNaN(code) || err != nil {
		t.Errorf("got %v, %v", code, err)
	}
	for _, c := range [][2]string{{"strict", "c"}, {"strict", ""}, {"x", "a"}, {"nope", "a"}} {
		if _, err := spec.Code(c[0], c[1]); !errors.Is(err, ErrUnknownCategory) || !strings.Contains(err.Error(), c[0]) {
			t.Errorf("%v: got %v", c, err)
		}
	}
	stream, out := Compile(spec).NewStream(), make([]float64, 1)
	for code, want := range map[float64]float64{0: 0, 1: -1, 0.5: -1, math.Inf(1): -1, 1e300: -1} {
		if _, err := stream.Push(out, 0, []float64{0, code, 0}); err != nil || out[0] != want {
			t.Errorf("%v: got %v, %v", code, out, err)
		}
	}
	if _, err := stream.Push(out, 0, []float64{0, math.Copysign(0, -1), 0}); err != nil || math.Signbit(out[0]) {
		t.Errorf("got %v, %v", out, err)
	}
}

func TestOtherColumnsAreToldByTheFirstThatDiffers(t *testing.T) {
	spec := lagging(t, "").Spec()
	if err := errors.Join(spec.CheckColumns([]string{"x", "mode"}), spec.CheckFeatures([]string{"before", "mode_b"})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		index int
		says  string
	}{
		{[]string{"mode", "x"}, 0, `column 0 of 2 is "mode", expected "x"`},
		{[]string{"x"}, 1, `column 1 of 1 is none, expected "mode"`},
		{[]string{"x", "mode", "y"}, 2, `is "y", expected none`},
		{nil, 0, "is none"},
	} {
		var told *ColumnsError
		if err := spec.CheckColumns(c.names); !errors.As(err, &told) || told.Index != c.index || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v", c.names, err)
		}
	}
	if err := spec.CheckFeatures([]string{"x"}); err == nil || !strings.Contains(err.Error(), "feature 0") {
		t.Errorf("got %v", err)
	}
}
