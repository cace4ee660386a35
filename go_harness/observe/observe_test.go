package observe

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func ask(t *testing.T, p Predictor, value float32) error {
	t.Helper()
	return p.Predict(t.Context(), p.NewOutputs(), []float32{value})
}

func TestTimesAreThoseOfThePredictionsThatSucceeded(t *testing.T) {
	timing := NewTiming(&fake{})
	if got := timing.Times(); got != (Times{}) {
		t.Errorf("before the first prediction: %+v", got)
	}
	for i := 1; i <= 100; i++ {
		timing.add(time.Duration(i) * time.Millisecond)
	}
	timing.next = &fake{err: errors.New("broken")}
	if ask(t, timing, 1) == nil {
		t.Error("the error is lost")
	}
	got := timing.Times()
	if got.Count != 100 || got.Failed != 1 || got.Min != time.Millisecond || got.Max != 100*time.Millisecond || got.Mean != 50500*time.Microsecond {
		t.Errorf("got %+v", got)
	}
	for name, c := range map[string]struct{ got, want time.Duration }{
		"p50": {got.P50, 50 * time.Millisecond}, "p90": {got.P90, 90 * time.Millisecond}, "p99": {got.P99, 99 * time.Millisecond},
	} {
		if ratio := float64(c.got) / float64(c.want); ratio < 1 || ratio > 1.016 {
			t.Errorf("%s is %v, want %v or at most 1.6 %% above", name, c.got, c.want)
		}
	}
}

func TestAPredictionIsTimedFromBeginToEnd(t *testing.T) {
	timing := NewTiming(&fake{takes: 5 * time.Millisecond})
	if err := ask(t, timing, 1); err != nil {
		t.Fatal(err)
	}
	if got := timing.Times(); got.Count != 1 || got.Min < 5*time.Millisecond || got.P50 != got.Max {
		t.Errorf("got %+v", got)
	}
}

func TestAHistoryKeepsTheLastPredictionsAndCopiesThem(t *testing.T) {
	history, err := NewHistory(&fake{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := history.Last(3); len(got) != 0 {
		t.Errorf("before the first prediction: %v", got)
	}
	out := history.NewOutputs()
	for _, value := range []float32{1, 2, 3, 4} {
		if err := history.Predict(t.Context(), out, []float32{value}); err != nil {
			t.Fatal(err)
		}
	}
	out[0].Float32[0] = -1 // the caller's own
	last := history.Last(9)
	last[0].Outputs[0].Float32[0] = -1
	if got := values(history.Last(9)); len(got) != 3 || got[0] != 2 || got[1] != 3 || got[2] != 4 || history.Total() != 4 {
		t.Errorf("got %v of %d", got, history.Total())
	}
	if got := values(history.Last(1)); len(got) != 1 || got[0] != 4 {
		t.Errorf("the last one is %v", got)
	}
	if history.Last(1)[0].Outputs[1].Int64[0] != 4 || history.Last(-1) == nil {
		t.Error("labels are not kept, or none is not a list")
	}
}

func TestAHistoryKeepsWhatFailedAsFailed(t *testing.T) {
	broken := errors.New("broken")
	history, err := NewHistory(&fake{err: broken}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, history, 1); !errors.Is(got, broken) {
		t.Errorf("the error is %v", got)
	}
	if last := history.Last(1); !errors.Is(last[0].Err, broken) {
		t.Errorf("kept %+v", last)
	}
	if _, err := NewHistory(&fake{}, 0); err == nil {
		t.Error("a history of none is made")
	}
}

func TestConfidenceIsToldOfPredictionsThatSucceeded(t *testing.T) {
	var told []float64
	wrapped := &fake{}
	confident := NewConfidence(wrapped, TopProbability(0), func(c float64) { told = append(told, c) })
	if err := ask(t, confident, 0.75); err != nil {
		t.Fatal(err)
	}
	wrapped.err = errors.New("broken")
	if ask(t, confident, 0.5) == nil || len(told) != 1 || told[0] != 0.75 {
		t.Errorf("told %v", told)
	}
}

func TestSureness(t *testing.T) {
	nan := float32(math.NaN())
	decision := bundle.Decision{Threshold: -0.5}
	for name, c := range map[string]struct {
		of     Sureness
		values []float32
		want   float64
	}{
		"the top probability":          {TopProbability(0), []float32{0.25, 0.5, 0.25}, 0.5},
		"beyond 1 by rounding":         {TopProbability(0), []float32{1.0000001}, 1},
		"a NaN behind":                 {TopProbability(0), []float32{0.5, nan}, math.NaN()},
		"a NaN in front":               {TopProbability(0), []float32{nan, 0.5}, math.NaN()},
		"on the threshold":             {Margin(0, decision), []float32{-0.5}, 0},
		"half its size above":          {Margin(0, decision), []float32{-0.25}, 0.5},
		"half its size below":          {Margin(0, decision), []float32{-0.75}, 0.5},
		"far":                          {Margin(0, decision), []float32{9}, 1},
		"a score of NaN":               {Margin(0, decision), []float32{nan}, math.NaN()},
		"the last probability":         {Margin(0, bundle.Decision{Threshold: 0.5}), []float32{0.25, 0.75}, 0.5},
		"a distance from a zero limit": {Margin(0, bundle.Decision{}), []float32{0.25}, 0.25},
	} {
		got := c.of(predictor.Outputs{{Float32: c.values}})
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func nested(t testing.TB) Predictor {
	t.Helper()
	history, err := NewHistory(NewTiming(&fake{}), 8)
	if err != nil {
		t.Fatal(err)
	}
	return NewConfidence(history, TopProbability(0), func(float64) {})
}

func TestNestedWrappersAllocateNothing(t *testing.T) {
	p := nested(t)
	out, window := p.NewOutputs(), []float32{0.5}
	if n := testing.AllocsPerRun(100, func() { _ = p.Predict(context.Background(), out, window) }); n != 0 {
		t.Errorf("a prediction allocates %v times", n)
	}
}

func TestAnyNumberOfGoroutinesMayAsk(t *testing.T) {
	timing := NewTiming(&fake{})
	history, err := NewHistory(timing, 5)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			out := history.NewOutputs()
			for i := range 200 {
				_ = history.Predict(context.Background(), out, []float32{float32(i)})
				_, _ = history.Last(5), timing.Times()
			}
		})
	}
	all.Wait()
	if timing.Times().Count != 1600 || history.Total() != 1600 {
		t.Errorf("%d timed and %d kept of 1600", timing.Times().Count, history.Total())
	}
}

func BenchmarkNested(b *testing.B) {
	p := nested(b)
	out, window := p.NewOutputs(), []float32{0.5}
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Predict(context.Background(), out, window)
	}
}

func values(pasts []Past) []float32 {
	var all []float32
	for _, past := range pasts {
		all = append(all, past.Outputs[0].Float32[0])
	}
	return all
}
