package features

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxFuzzed keeps a fuzzed specification from taking the machine's memory: 10,000 steps may each look back 10,000 samples.
const maxFuzzed = 1 << 20

// Whatever a specification's file holds: it is refused in one sentence, or it can be computed by, with the same answer in a
// stream, in float32, in a sequence and in a table.
func FuzzParse(f *testing.F) {
	for _, c := range badCases(f) {
		f.Add([]byte(c.Spec))
	}
	for _, step := range []string{
		`"op": "rolling_std", "of": "x", "window": 3, "min_periods": 2, "ddof": 0`, `"op": "label", "of": "m", "fill": -1`, `"op": "one_hot", "of": "m", "category": "b"`,
		`"op": "sum", "of": ["x", "y"]`, `"op": "weighted_sum", "terms": [{"of": "x", "weight": 1, "per": 2}, {"of": "y", "weight": -1e300}]`,
		`"op": "sin", "of": "x", "period": 5e-324`, `"op": "clip", "of": "x", "low": -0.0`, `"op": "indicator", "of": "x", "below": 1, "strict": false`,
		`"op": "difference", "of": "x", "order": 2, "output": true`, `"op": "ratio", "of": "x", "by": "x", "unit": "1"`, `"op": "lag", "of": "x", "samples": 5.0`,
	} {
		f.Add([]byte(`{"schema": "dwcpc.features/1", "name": "s", "group": "g", "time": {"column": "t", "late": "skip", "max_gap": 2},
			"columns": [{"name": "x", "unit": "ms"}, {"name": "y"}, {"name": "m", "type": "category", "categories": ["a", "b"], "unknown": "missing"}],
			"steps": [{"name": "f", ` + step + `}]}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := Parse(data)
		if err != nil {
			var told *Error
			if text := err.Error(); !errors.As(err, &told) || strings.ContainsAny(text, "\n\x00") || !utf8.ValidString(text) {
				t.Errorf("got %q", text)
			}
			return
		}
		if spec.Lookback() < maxFuzzed && len(spec.Steps)*len(spec.Columns) < maxFuzzed {
			computes(t, spec)
		}
	})
}

func computes(t *testing.T, spec *Spec) {
	plan := Compile(spec)
	stream, groups := plan.NewStream(), plan.NewGroups()
	sequence, err := plan.NewSequence(1)
	if err != nil {
		return // too wide to keep
	}
	width := len(spec.Features())
	out, grouped := make([]float64, width), make([]float64, width)
	row := make([]float64, len(spec.Columns))
	for i, x := range []float64{1, nan, -1, 0, math.Inf(1), 1e308, 0.5, math.Copysign(0, -1)} {
		for c := range row {
			if row[c] = x; spec.Columns[c].IsCategory() {
				row[c] = float64(i % len(spec.Columns[c].Categories))
			}
		}
		at := float64(i * i % 7)
		status, err := stream.Push(out, at, row)
		again, errGroups := groups.Push(grouped, "a", at, row)
		last, errSequence := sequence.Push(at, row)
		if (err == nil) != (errGroups == nil) || (err == nil) != (errSequence == nil) || again != status || last != status {
			t.Fatalf("%v (%v), %v (%v), %v (%v)", status, err, again, errGroups, last, errSequence)
		}
		if status != Taken {
			continue
		}
		for j := range out {
			if !same(out[j], grouped[j]) || !same(float64(float32(out[j])), float64(sequence.Values()[j])) {
				t.Fatalf("feature %d: %v, %v, %v", j, out[j], grouped[j], sequence.Values()[j])
			}
		}
	}
}
