package abtest

import (
	"context"
	"fmt"
	"time"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Model is what an arm predicts with, a *predictor.Predictor among others.
type Model interface {
	Predict(ctx context.Context, out predictor.Outputs, window []float32) error
}

// Runner predicts with the arm that a key has, and records how long it took.
type Runner struct {
	experiment *Experiment
	models     []Model
}

// NewRunner gives each arm of the experiment its model, all with outputs of the same types and sizes.
func NewRunner(experiment *Experiment, models ...Model) (*Runner, error) {
	if n, want := len(models), len(experiment.config.Arms); n != want {
		return nil, wrong("the number of models", n, fmt.Sprintf("%d, one for each arm", want))
	}
	return &Runner{experiment: experiment, models: append([]Model(nil), models...)}, nil
}

// Predict answers window with the arm of key and returns which that was: hand it to Experiment.Record with the loss, when that
// is known. The time includes what the call queued. A prediction that fails is not recorded: record the largest loss where an
// arm is to answer for it. It allocates nothing unless the model does.
func (r *Runner) Predict(ctx context.Context, key string, out predictor.Outputs, window []float32) (arm int, err error) {
	arm = r.experiment.Assign(key)
	begin := time.Now()
	if err := r.models[arm].Predict(ctx, out, window); err != nil {
		return arm, err
	}
	return arm, r.experiment.RecordLatency(arm, time.Since(begin))
}
