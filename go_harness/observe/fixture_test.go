package observe

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fake answers with the window's first value, after a while, or fails.
type fake struct {
	takes time.Duration
	err   error
}

func (f *fake) NewOutputs() predictor.Outputs {
	return predictor.Outputs{{Float32: make([]float32, 1)}, {Int64: make([]int64, 1)}}
}

func (f *fake) Predict(_ context.Context, out predictor.Outputs, window []float32) error {
	time.Sleep(f.takes)
	if f.err != nil {
		return f.err
	}
	out[0].Float32[0], out[1].Int64[0] = window[0], int64(window[0])
	return nil
}
