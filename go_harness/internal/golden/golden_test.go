package golden

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// reference answers each row with the golden outputs themselves, after spoil had its way with them.
type reference struct {
	bundle *bundle.Bundle
	row    int
	spoil  func(row, output int, values bundle.Output)
	err    error
}

func (r *reference) Predict(dst []bundle.Output, _ [][]float32) error {
	for i, output := range r.bundle.Golden.Outputs {
		floats, labels := dst[i].Float32, dst[i].Int64
		for k := range floats {
			floats[k] = float32(output[r.row*len(floats)+k])
		}
		for k := range labels {
			labels[k] = int64(output[r.row*len(labels)+k])
		}
		if r.spoil != nil {
			r.spoil(r.row, i, dst[i])
		}
	}
	r.row++
	return r.err
}

func good(t *testing.T) *bundle.Bundle {
	t.Helper()
	return opened(t, "good")
}

func opened(t *testing.T, name string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(filepath.Join("..", "..", "..", "tests", "fixtures", "bundles", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReportsTheLargestDistanceOfEachOutput(t *testing.T) {
	b := good(t)
	worst, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values bundle.Output) {
		if row == 2 && output == 1 {
			values.Float32[0] += 5e-7
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := worst["anomaly_score"]; d < 4e-7 || d > 6e-7 {
		t.Errorf("anomaly_score: worst is %v", d)
	}
	if d, ok := worst["reconstruction"]; !ok || d > 1e-7 {
		t.Errorf("reconstruction: worst is %v", d)
	}
}

func TestRefusesTheFirstValueOutsideItsTolerance(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := map[string]struct {
		row, output, index int
		value              func(float32) float32
		reason             string
	}{
		"far off":                       {0, 0, 0, func(v float32) float32 { return v + 1 }, "row 0 (group typical), output reconstruction[0]"},
		"outside the first column":      {7, 0, 4, func(v float32) float32 { return v + 1.5e-6 }, "reconstruction[4]"},
		"outside the second column":     {7, 0, 5, func(v float32) float32 { return v + 3e-6 }, "within 2e-06"},
		"outside the group's tolerance": {8, 0, 5, func(v float32) float32 { return v + 1.5e-6 }, "row 8 (group edge)"},
		"NaN for a number":              {1, 1, 0, func(float32) float32 { return nan }, "is NaN"},
		"a number for NaN":              {8, 1, 0, func(float32) float32 { return 0 }, "expected NaN"},
		"Inf for a number":              {1, 1, 0, func(float32) float32 { return inf }, "is +Inf"},
		"a number for Inf":              {9, 0, 5, func(float32) float32 { return math.MaxFloat32 }, "expected +Inf"},
		"-Inf for Inf":                  {9, 0, 5, func(v float32) float32 { return -v }, "is -Inf, expected +Inf"},
		"NaN for Inf":                   {9, 0, 5, func(float32) float32 { return nan }, "is NaN, expected +Inf"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := good(t)
			_, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values bundle.Output) {
				if row == c.row && output == c.output {
					values.Float32[c.index] = c.value(values.Float32[c.index])
				}
			}})
			var mismatch *Mismatch
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestTakesEveryOtherLabelForAMismatch(t *testing.T) {
	b := opened(t, "classifier")
	if _, err := Check(b, &reference{bundle: b}); err != nil {
		t.Error(err)
	}
	for reason, c := range map[string]struct {
		row, output int
		by          int64
	}{
		"row 0 (group typical), output label[0] is 8, expected 7 within 0":                {0, 0, 1},
		"row 4 (group typical), output anomaly[0] is 0, expected 1":                       {4, 3, -1},
		"row 8 (group edge), output label[0] is 0, expected -1":                           {8, 0, 1},
		"row 9 (group edge), output anomaly[0] is 9.007199254740992e+15, expected -1":     {9, 3, 1<<53 + 1},
		"row 7 (group typical), output label[0] is -9.223372036854776e+18, expected 0 wi": {7, 0, math.MinInt64},
	} {
		_, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values bundle.Output) {
			if row == c.row && output == c.output {
				values.Int64[0] += c.by
			}
		}})
		var mismatch *Mismatch
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %q", err, reason)
		}
	}
}

func TestKeepsToEachColumnsOwnTolerance(t *testing.T) {
	b := good(t)
	_, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values bundle.Output) {
		if row == 7 && output == 0 {
			values.Float32[5] += 1.5e-6 // too far for the first column, near enough for the second
		}
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestPassesOnWhatThePredictorSays(t *testing.T) {
	b := good(t)
	broken := errors.New("broken")
	if _, err := Check(b, &reference{bundle: b, err: broken}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
