package registry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Version is one loaded version of a model. What it says about itself, and its decisions, stay valid for ever; it predicts
// while a handle serves it, or between Acquire and Release.
type Version struct {
	model     string
	predictor *predictor.Predictor
	observers []PredictionObserver
	// users is one for each handle that serves the version, and one for each Acquire. At 0 it never rises again.
	users   atomic.Int64
	drained chan struct{} // closed when users reaches 0
}

// Model returns the model's name.
func (v *Version) Model() string { return v.model }

// Number returns the version as metadata.json states it, such as 1.1.
func (v *Version) Number() string { return v.predictor.Bundle().Metadata.Version }

// Bundle returns what is served. It is shared: do not change it.
func (v *Version) Bundle() *bundle.Bundle { return v.predictor.Bundle() }

// NewOutputs returns buffers for one prediction at a time of this version.
func (v *Version) NewOutputs() predictor.Outputs { return v.predictor.NewOutputs() }

// NewBatch returns buffers for rows rows of this version.
func (v *Version) NewBatch(rows int) predictor.Outputs { return v.predictor.NewBatch(rows) }

// Output returns the index in the outputs of the one named name.
func (v *Version) Output(name string) (int, bool) { return v.predictor.Output(name) }

// CheckChannels compares the columns that a service feeds with the model's, as predictor.CheckChannels does.
func (v *Version) CheckChannels(channels []string) error { return v.predictor.CheckChannels(channels) }

// Anomaly applies this version's decision to outputs that this version gave.
func (v *Version) Anomaly(out predictor.Outputs) (bool, error) { return v.predictor.Anomaly(out) }

// Label returns the class in outputs that this version gave.
func (v *Version) Label(out predictor.Outputs) (int64, error) { return v.predictor.Label(out) }

// Predict computes one row as predictor.Predict does. On a version that is neither acquired nor served any more it fails with
// predictor.ErrClosed.
func (v *Version) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	if len(v.observers) == 0 {
		return v.predictor.Predict(ctx, out, window)
	}
	begin := time.Now()
	err := v.predictor.Predict(ctx, out, window)
	v.tell(time.Since(begin), 1, err)
	return err
}

// PredictBatch computes several rows as predictor.PredictBatch does; it ends as Predict does.
func (v *Version) PredictBatch(ctx context.Context, out predictor.Outputs, windows []float32) error {
	if len(v.observers) == 0 {
		return v.predictor.PredictBatch(ctx, out, windows)
	}
	begin := time.Now()
	err := v.predictor.PredictBatch(ctx, out, windows)
	v.tell(time.Since(begin), len(windows)/v.Bundle().Metadata.Inputs[0].Shape.Elements(), err)
	return err
}

func (v *Version) tell(took time.Duration, rows int, err error) {
	for _, observer := range v.observers {
		observer.Predicted(took, rows, err)
	}
}

// Release gives up what Acquire gave, once for each.
func (v *Version) Release() {
	switch users := v.users.Add(-1); {
	case users == 0:
		close(v.drained) // whoever waits unloads the model: not this goroutine, which predicts
	case users < 0:
		panic("registry: a version was released more often than acquired")
	}
}

// retain counts a user, unless the last one is gone.
func (v *Version) retain() bool {
	for {
		users := v.users.Load()
		if users == 0 {
			return false
		}
		if v.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
}
