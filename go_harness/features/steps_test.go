package features

import (
	"math"
	"math/rand/v2"
	"testing"
)

// values pushes a column's samples through one step and returns what comes out.
func values(t *testing.T, step string, samples ...float64) []float64 {
	t.Helper()
	stream := Compile(parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "columns": [{"name": "x"}], "steps": [{"name": "f", `+step+`}]}`)).NewStream()
	out := make([]float64, len(samples))
	for i, x := range samples {
		if status, err := stream.Push(out[i:i+1], 0, []float64{x}); status != Taken || err != nil {
			t.Fatal(status, err)
		}
	}
	return out
}

// same compares bits; NaN is one value.
func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || isNaN(a) && isNaN(b)
}

func TestEachStepComputesWhatIsWritten(t *testing.T) {
	inf, zero := math.Inf(1), math.Copysign(0, -1)
	type list = []float64
	for _, c := range []struct {
		name, step string
		x, want    list
	}{
		{"a copy fills", `"op": "copy", "of": "x", "fill": 7`, list{1, nan, inf}, list{1, 7, inf}},
		{"a mean skips what is not finite", `"op": "rolling_mean", "of": "x", "window": 3`, list{1, nan, 4, inf, 8}, list{1, 1, 2.5, 4, 6}},
		{"a mean of negative zeros is zero", `"op": "rolling_mean", "of": "x", "window": 2`, list{zero, zero}, list{0, 0}},
		{"a mean may overflow", `"op": "rolling_mean", "of": "x", "window": 2`, list{1.5e308, 1.5e308}, list{1.5e308, inf}},
		{"a mean of too few", `"op": "rolling_mean", "of": "x", "window": 3, "min_periods": 2`, list{1, 3, nan, nan, 5}, list{nan, 2, 2, nan, nan}},
		{"a deviation of one", `"op": "rolling_std", "of": "x", "window": 3`, list{1, 3}, list{nan, math.Sqrt2}},
		{"a deviation with ddof 0", `"op": "rolling_std", "of": "x", "window": 2, "ddof": 0`, list{1, 3, 3}, list{0, 1, 0}},
		{"a deviation of equals is exactly 0", `"op": "rolling_std", "of": "x", "window": 3`, list{0.1, 0.1, 0.1}, list{nan, 0, 0}},
		{"of equal extremes the oldest", `"op": "rolling_min", "of": "x", "window": 2`, list{0, zero, 0, -1, zero}, list{0, 0, zero, -1, -1}},
		{"of equal highs the oldest", `"op": "rolling_max", "of": "x", "window": 2`, list{zero, 0, zero, -1}, list{zero, zero, 0, zero}},
		{"extremes without a valid value", `"op": "rolling_max", "of": "x", "window": 2`, list{inf, nan, 1}, list{nan, nan, 1}},
		{"a difference", `"op": "difference", "of": "x"`, list{1, 4, inf, inf}, list{nan, 3, inf, nan}},
		{"a second difference", `"op": "difference", "of": "x", "order": 2`, list{1, 4, 9, 16}, list{nan, nan, 2, 2}},
		{"a lag", `"op": "lag", "of": "x", "samples": 2`, list{1, 2, 3, 4}, list{nan, nan, 1, 2}},
		{"a ratio adds its epsilon", `"op": "ratio", "of": "x", "by": "x", "epsilon": 1`, list{1, -1, 3}, list{0.5, math.Inf(-1), 0.75}},
		{"a ratio turns a negative zero", `"op": "ratio", "of": "x", "by": "x"`, list{zero}, list{nan}},
		{"a sum", `"op": "sum", "of": ["x", "x", "x"]`, list{0.1, zero}, list{0.30000000000000004, zero}},
		{"a product", `"op": "product", "of": ["x", "x"]`, list{3, -2}, list{9, 4}},
		{"a strict indicator", `"op": "indicator", "of": "x", "above": 1`, list{1, 2, nan}, list{0, 1, 0}},
		{"an indicator with its threshold", `"op": "indicator", "of": "x", "below": 1, "strict": false`, list{1, 0, 2, nan}, list{1, 1, 0, 0}},
		{"a clip", `"op": "clip", "of": "x", "low": 0, "high": 1`, list{-1, zero, 2, nan}, list{0, zero, 1, nan}},
		{"a clip from above", `"op": "clip", "of": "x", "high": 1`, list{-9, 2}, list{-9, 1}},
		{"quarters of a turn are exact", `"op": "sin", "of": "x", "period": 24`, list{0, 6, 18, 24, -6, inf}, list{0, 1, -1, 0, -1, nan}},
		{"the cosine of them", `"op": "cos", "of": "x", "period": 24`, list{0, 12, 24e15, nan}, list{1, -1, 1, nan}},
		{"a logarithm", `"op": "log1p", "of": "x"`, list{0, -1, -2, inf}, list{0, math.Inf(-1), nan, inf}},
	} {
		got := values(t, c.step, c.x...)
		for i := range c.want {
			if !same(got[i], c.want[i]) {
				t.Errorf("%s: sample %d is %v, want %v", c.name, i, got, c.want)
				break
			}
		}
	}
}

// Squares are rounded before they are added. A processor that fuses the two (GOAMD64=v3, arm64) would make another number of it
// now and then: this fails there without the conversion.
func TestADeviationIsNotFused(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	differing := 0
	for range 200 {
		x := make([]float64, 5)
		mean := 0.0
		for i := range x {
			x[i] = random.NormFloat64()
			mean += x[i]
		}
		mean /= 5
		fused, apart := 0.0, 0.0
		for _, v := range x {
			d := v - mean
			fused, apart = math.FMA(d, d, fused), apart+float64(d*d)
		}
		if got := values(t, `"op": "rolling_std", "of": "x", "window": 5, "ddof": 0`, x...)[4]; got != math.Sqrt(apart/5) {
			t.Fatalf("got %v, want %v", got, math.Sqrt(apart/5))
		}
		if math.Sqrt(fused/5) != math.Sqrt(apart/5) {
			differing++
		}
	}
	if differing == 0 {
		t.Error("no sample would tell")
	}
}

// A step of a column's name is what later steps read, with its fill; statistics of it are of the filled values.
func TestLaterStepsReadTheStepOfAColumnsName(t *testing.T) {
	spec := parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "columns": [{"name": "x"}], "steps": [
		{"name": "before", "op": "rolling_mean", "of": "x", "window": 2},
		{"name": "x", "op": "copy", "of": "x", "fill": 10, "output": false},
		{"name": "after", "op": "rolling_mean", "of": "x", "window": 2},
		{"name": "high", "op": "rolling_max", "of": "x", "window": 2}]}`)
	stream, out := Compile(spec).NewStream(), make([]float64, 3)
	for _, c := range [][4]float64{{4, 4, 4, 4}, {nan, 4, 7, 10}, {nan, nan, 10, 10}} {
		if _, err := stream.Push(out, 0, c[:1]); err != nil {
			t.Fatal(err)
		}
		for i, want := range c[1:] {
			if !same(out[i], want) {
				t.Errorf("after %v: got %v", c, out)
			}
		}
	}
}

// Before a group's first sample there is nothing, not what a step would make of nothing.
func TestAWindowOverAnIndicatorBeginsWithTheFirstSample(t *testing.T) {
	spec := parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "columns": [{"name": "x"}], "steps": [
		{"name": "high", "op": "indicator", "of": "x", "above": 1, "output": false},
		{"name": "share", "op": "rolling_mean", "of": "high", "window": 10},
		{"name": "previous", "op": "lag", "of": "high", "samples": 1}]}`)
	out := make([]float64, 2)
	if _, err := Compile(spec).NewStream().Push(out, 0, []float64{2}); err != nil || out[0] != 1 || !isNaN(out[1]) {
		t.Errorf("got %v, %v", out, err)
	}
	if spec.Lookback() != 9 {
		t.Errorf("lookback is %d", spec.Lookback())
	}
}
