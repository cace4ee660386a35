package ensemble

import (
	"context"
	"errors"

	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// judged is a registry's handle as a member of a Vote. Which version answers is known inside a call only, and another one may
// have another threshold: so each answer is judged there, and what came of it lies behind the outputs.
type judged struct{ *registry.Model }

// What lies there: a state and a value for the label, and the same for the anomaly.
const (
	labelState = iota
	labelValue
	flagState
	flagValue
	verdictSize
)

// The states.
const (
	answered = iota
	notAnswered
	undefined
)

// NewOutputs returns the model's, and room for the verdict.
func (j judged) NewOutputs() predictor.Outputs {
	return append(j.Model.NewOutputs(), predictor.Output{Int64: make([]int64, verdictSize)})
}

func (j judged) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	own := out[:len(out)-1]
	version, err := j.PredictVersion(ctx, own, window)
	if err != nil {
		return err
	}
	verdict := out[len(out)-1].Int64
	verdict[labelValue], err = version.Label(own)
	verdict[labelState] = state(err)
	anomaly, err := version.Anomaly(own)
	verdict[flagState], verdict[flagValue] = state(err), 0
	if anomaly {
		verdict[flagValue] = 1
	}
	return nil
}

// Label returns the class that the version which answered named.
func (j judged) Label(out predictor.Outputs) (int64, error) {
	verdict := out[len(out)-1].Int64
	return verdict[labelValue], said(verdict[labelState], predictor.ErrNoLabel)
}

// Anomaly returns what the version which answered decided, by its own threshold.
func (j judged) Anomaly(out predictor.Outputs) (bool, error) {
	verdict := out[len(out)-1].Int64
	return verdict[flagValue] == 1, said(verdict[flagState], predictor.ErrNoDecision)
}

func state(err error) int64 {
	switch {
	case err == nil:
		return answered
	case errors.Is(err, predictor.ErrNotAnswered):
		return notAnswered
	default: // it names no classes, or decides on nothing
		return undefined
	}
}

func said(state int64, otherwise error) error {
	switch state {
	case answered:
		return nil
	case notAnswered:
		return predictor.ErrNotAnswered
	default:
		return otherwise
	}
}
