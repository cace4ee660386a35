// Package observe wraps what predicts, without a place in the hot path of those who do without: Timing keeps how long
// predictions took, History what the last ones were, and Confidence how sure each was. They nest in any order, and none
// allocates per prediction.
package observe

import (
	"context"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Predictor is what a wrapper asks, and what it is: a *predictor.Predictor, a *registry.Model or *registry.Version, or another
// wrapper.
type Predictor interface {
	NewOutputs() predictor.Outputs
	Predict(ctx context.Context, out predictor.Outputs, window []float32) error
}
