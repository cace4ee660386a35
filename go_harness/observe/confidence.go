package observe

import (
	"context"
	"math"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Sureness says how sure a prediction is, from 0 to 1, or NaN where that cannot be told.
type Sureness func(out predictor.Outputs) float64

// Confidence tells how sure each prediction is, to whoever wants to know: metrics, a log.
type Confidence struct {
	next Predictor
	of   Sureness
	tell func(confidence float64)
}

// NewConfidence wraps next; tell hears of each prediction that did not fail, from the goroutine that made it.
func NewConfidence(next Predictor, of Sureness, tell func(confidence float64)) *Confidence {
	return &Confidence{next: next, of: of, tell: tell}
}

// NewOutputs returns the wrapped one's.
func (c *Confidence) NewOutputs() predictor.Outputs { return c.next.NewOutputs() }

// Predict asks the wrapped one and tells how sure the answer is.
func (c *Confidence) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	if err := c.next.Predict(ctx, out, window); err != nil {
		return err
	}
	c.tell(c.of(out))
	return nil
}

// TopProbability is a classifier's: the largest of the probabilities in the output at index. It is as good as they are
// calibrated.
func TopProbability(index int) Sureness {
	return func(out predictor.Outputs) float64 {
		top := 0.0
		for _, probability := range out[index].Float32 {
			top = max(top, float64(probability)) // a NaN stays
		}
		return clamped(top)
	}
}

// Margin is a decision's: how far the score in the output at index (of a classifier, its last probability) is from the
// threshold, as a share of the threshold's size, 1 at most. A score on the threshold is 0, one of twice the threshold 1. It orders predictions of one model; it is no
// probability.
func Margin(index int, decision bundle.Decision) Sureness {
	return func(out predictor.Outputs) float64 {
		size := math.Abs(decision.Threshold)
		score := out[index].Float32
		distance := math.Abs(float64(score[len(score)-1]) - decision.Threshold)
		if size == 0 {
			return clamped(distance)
		}
		return clamped(distance / size)
	}
}

func clamped(x float64) float64 {
	return min(max(x, 0), 1) // NaN stays
}
