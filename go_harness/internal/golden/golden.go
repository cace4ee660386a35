// Package golden runs a bundle's golden vectors: raw inputs, and the outputs that the source model gave for them.
package golden

import (
	"fmt"
	"math"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Predictor computes rows: one flat entry per output and per input, in the metadata's order.
type Predictor interface {
	Predict(dst []bundle.Output, src [][]float32) error
}

// Mismatch is a golden value that the model does not reproduce.
type Mismatch struct {
	Bundle    string
	Group     string
	Row       int
	Output    string
	Index     int // within the row, row-major
	Got       float64
	Expected  float64
	Tolerance float64
}

// Error names the place, both values, their distance and what was allowed.
func (e *Mismatch) Error() string {
	return fmt.Sprintf(
		"golden: %s: row %d (group %s), output %s[%d] is %v, expected %v within %v, apart by %.3g; this runtime does not reproduce the model, do not serve it",
		e.Bundle, e.Row, e.Group, e.Output, e.Index, e.Got, e.Expected, e.Tolerance, math.Abs(e.Got-e.Expected),
	)
}

// Check predicts every golden row on its own and returns, per output, the largest distance seen. The first value outside
// its tolerance is a *Mismatch.
func Check(b *bundle.Bundle, predictor Predictor) (worst map[string]float64, err error) {
	return CheckBatches(b, 1, predictor)
}

// CheckBatches does the same with up to rows rows in a call, whatever group they are of: a row must not depend on those that it
// is predicted with.
func CheckBatches(b *bundle.Bundle, rows int, predictor Predictor) (worst map[string]float64, err error) {
	got, err := predictAll(b, rows, predictor)
	if err != nil {
		return nil, err
	}
	worst = make(map[string]float64, len(b.Metadata.Outputs))
	for _, group := range b.Metadata.Golden.Groups {
		for row := group.Start; row < group.Stop; row++ {
			for i, output := range b.Metadata.Outputs {
				n := output.Shape.Elements()
				place := Mismatch{Bundle: b.Dir, Group: group.Name, Row: row, Output: output.Name}
				delta, err := compare(place, got[i][row*n:(row+1)*n], b.Golden.Outputs[i][row*n:(row+1)*n], group.Tolerance[output.Name], output.Shape.Width())
				if err != nil {
					return nil, err
				}
				worst[output.Name] = max(worst[output.Name], delta)
			}
		}
	}
	return worst, nil
}

// predictAll returns the outputs of all golden rows.
func predictAll(b *bundle.Bundle, rows int, predictor Predictor) ([][]float64, error) {
	inputs, outputs := b.Metadata.Inputs, b.Metadata.Outputs
	got := make([][]float64, len(outputs))
	src, dst := make([][]float32, len(inputs)), make([]bundle.Output, len(outputs))
	for start := 0; start < b.Metadata.Golden.Rows; start += rows {
		stop := min(start+rows, b.Metadata.Golden.Rows)
		for i, input := range inputs {
			n := input.Shape.Elements()
			src[i] = b.Golden.Inputs[i][start*n : stop*n]
		}
		for i, output := range outputs {
			dst[i] = output.NewOutput(stop - start)
		}
		if err := predictor.Predict(dst, src); err != nil {
			return nil, fmt.Errorf("golden: row %d: %w", start, err)
		}
		for i := range outputs {
			got[i] = append(got[i], float64s(dst[i])...)
		}
	}
	return got, nil
}

// float64s returns the values of output. Whole numbers beyond 2^53 are rounded as those of a golden file are.
func float64s(output bundle.Output) []float64 {
	values := make([]float64, 0, len(output.Float32)+len(output.Int64))
	for _, value := range output.Float32 {
		values = append(values, float64(value))
	}
	for _, value := range output.Int64 {
		values = append(values, float64(value))
	}
	return values
}

// compare returns the largest distance between got and expected; place says where the values are from.
func compare(place Mismatch, got, expected, tolerance []float64, width int) (float64, error) {
	worst := 0.0
	for i, value := range got {
		allowed := tolerance[0]
		if len(tolerance) > 1 {
			allowed = tolerance[i%width]
		}
		delta, ok := within(value, expected[i], allowed)
		if !ok {
			place.Index, place.Got, place.Expected, place.Tolerance = i, value, expected[i], allowed
			return 0, &place
		}
		worst = max(worst, delta)
	}
	return worst, nil
}

// within reports whether got agrees with expected, and how far apart they are. NaN agrees with NaN and an infinity with the
// same infinity, at any tolerance, and neither with anything else.
func within(got, expected, tolerance float64) (delta float64, ok bool) {
	if math.IsNaN(got) || math.IsNaN(expected) {
		return 0, math.IsNaN(got) && math.IsNaN(expected)
	}
	if math.IsInf(got, 0) || math.IsInf(expected, 0) {
		return 0, got == expected
	}
	delta = math.Abs(got - expected)
	return delta, delta <= tolerance
}
