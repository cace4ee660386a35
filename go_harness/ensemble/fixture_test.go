package ensemble

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fake answers with given values. before runs first, where it is set.
type fake struct {
	floats  []float32
	labels  []int64
	err     error
	before  func(ctx context.Context) error
	anomaly bool
	asked   atomic.Int64
}

func (f *fake) NewOutputs() predictor.Outputs {
	var out predictor.Outputs
	if f.floats != nil {
		out = append(out, predictor.Output{Float32: make([]float32, len(f.floats))})
	}
	if f.labels != nil {
		out = append(out, predictor.Output{Int64: make([]int64, len(f.labels))})
	}
	return out
}

func (f *fake) Predict(ctx context.Context, out predictor.Outputs, _ []float32) error {
	f.asked.Add(1)
	if f.before != nil {
		if err := f.before(ctx); err != nil {
			return err
		}
	}
	for _, output := range out { // a failing model may leave anything behind
		copy(output.Float32, f.floats)
		copy(output.Int64, f.labels)
	}
	return f.err
}

func (f *fake) Label(out predictor.Outputs) (int64, error) {
	if label := out[len(out)-1].Int64[0]; label != -1 {
		return label, nil
	}
	return 0, predictor.ErrNotAnswered
}

func (f *fake) Anomaly(predictor.Outputs) (bool, error) { return f.anomaly, nil }

// scores makes members a, b, … that answer one float each.
func scores(weights []float64, values ...float32) []Member {
	var members []Member
	for i, value := range values {
		members = append(members, Member{Name: string(rune('a' + i)), Model: &fake{floats: []float32{value}}, Weight: weights[i]})
	}
	return members
}

func averageOf(t testing.TB, members []Member, opts ...Option) *Average {
	t.Helper()
	a, err := NewAverage(members, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func voteOf(t testing.TB, members []Member, opts ...Option) *Vote {
	t.Helper()
	v, err := NewVote(members, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// served opens a fixture's bundle as a service does.
func served(t testing.TB, name string) *predictor.Predictor {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := predictor.Open(rt, filepath.Join("..", "..", "tests", "fixtures", "bundles", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// bothWays runs a test with members asked in turn and at once.
func bothWays(t *testing.T, test func(t *testing.T, opts ...Option)) {
	t.Run("in turn", func(t *testing.T) { test(t) })
	t.Run("at once", func(t *testing.T) { test(t, Concurrently()) })
}
