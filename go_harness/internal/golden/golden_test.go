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
	spoil  func(row, output int, values []float32)
	err    error
}

func (r *reference) Predict(dst, _ [][]float32) error {
	for i, output := range r.bundle.Golden.Outputs {
		n := len(dst[i])
		for k := range dst[i] {
			dst[i][k] = float32(output[r.row*n+k])
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
	b, err := bundle.Open(filepath.Join("..", "..", "..", "tests", "fixtures", "bundles", "good"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReportsTheLargestDistanceOfEachOutput(t *testing.T) {
	b := good(t)
	worst, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values []float32) {
		if row == 2 && output == 1 {
			values[0] += 5e-7
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
			_, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values []float32) {
				if row == c.row && output == c.output {
					values[c.index] = c.value(values[c.index])
				}
			}})
			var mismatch *Mismatch
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestKeepsToEachColumnsOwnTolerance(t *testing.T) {
	b := good(t)
	_, err := Check(b, &reference{bundle: b, spoil: func(row, output int, values []float32) {
		if row == 7 && output == 0 {
			values[5] += 1.5e-6 // too far for the first column, near enough for the second
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
