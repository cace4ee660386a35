package service

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPredictsAtItsIntervalAndComparesLater(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		seen := &spy{}
		s := started(t, model, Config{Observer: seen})
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(s.Status().Failure, ErrTooFewSamples) || s.Status().Failures != 0 {
			t.Errorf("without samples: %+v", s.Status())
		}
		minutes(t, s, 20)
		p, ok := s.Latest()
		if !ok || !slices.Equal(p.Values, []float64{100, 40}) || p.Version != "1.0" {
			t.Errorf("got %+v", p)
		}
		status, a := s.Status(), s.Accuracy()
		if status.Predictions != 19 || status.Failure != nil || a.Scored != 2*18 || a.Ratio != 1 || a.Confidence < 0.9 {
			t.Errorf("got %+v and %+v", status, a)
		}
		if seen.accuracy != 1 || seen.version != "1.0" || math.Abs(seen.confidence-p.Confidence) != 0 {
			t.Errorf("observed %+v", seen)
		}
	})
}

func TestDoesNotPredictTwiceFromTheSameWindow(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		s := started(t, model, Config{})
		minutes(t, s, 2)
		before := s.Status().Predictions
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := s.Status().Predictions; got != before {
			t.Errorf("%d predictions, before %d", got, before)
		}
		model.set(func(f *fake) { f.version = "1.1" }) // another version has another answer
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.Status().Predictions; got != before+1 || s.Accuracy().Version != "1.1" {
			t.Errorf("%d predictions", got)
		}
	})
}

func TestForgetsAPredictionWhoseTimeIsLongOver(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		s := started(t, model, Config{})
		minutes(t, s, 10)
		if _, ok := s.Latest(); !ok || s.OptimalStreamCount() == 4 {
			t.Fatal("no prediction")
		}
		time.Sleep(5 * time.Minute)
		if _, ok := s.Latest(); ok || s.OptimalStreamCount() != 4 || s.OptimalBufferSize() != 64<<10 {
			t.Error("an old prediction is still used")
		}
	})
}

func TestKeepsTheReasonWhyThereIsNoPrediction(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		s := started(t, model, Config{})
		model.set(func(f *fake) { f.err = errModel })
		minutes(t, s, 3)
		if got := s.Status(); !errors.Is(got.Failure, errModel) || got.Failures < 2 || got.Predictions != 0 {
			t.Errorf("got %+v", got)
		}
		model.set(func(f *fake) { f.err, f.factor = nil, math.NaN() })
		minutes(t, s, 1)
		if got := s.Status(); !errors.Is(got.Failure, ErrNotFinite) {
			t.Errorf("got %+v", got)
		}
		model.set(func(f *fake) { f.factor = 1 })
		minutes(t, s, 1)
		if got := s.Status(); got.Failure != nil || got.Predictions == 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestMixesPredictedAndMeasuredByItsConfidence(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		model.factor = 3 // 300 Mbps instead of 100
		s := started(t, model, Config{Tolerances: map[string]Tolerance{"bandwidth": {Relative: 9}}})
		minutes(t, s, 2)
		link, ok := s.Expected()
		if !ok || link.Confidence != 0 || link.BandwidthMbps != 100 {
			t.Errorf("with nothing compared: %+v, want what was measured", link)
		}
		minutes(t, s, 100)
		link, _ = s.Expected()
		if want := 300*link.Confidence + 100*(1-link.Confidence); link.Confidence < 0.9 || math.Abs(link.BandwidthMbps-want) > 1e-9 || link.LatencyMs != 40 {
			t.Errorf("got %+v, want %v", link, want)
		}
	})
}

func TestRefusesMeasurementsThatSayNothing(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		s := started(t, model, Config{})
		var refused *SampleError
		if _, err := s.Measured(noon, []float64{1}); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
		if _, err := s.Measured(noon, []float64{1, math.NaN()}); !errors.Is(err, ErrNotFinite) {
			t.Errorf("got %v", err)
		}
		if compared, err := s.Measured(noon, []float64{1, 2}); compared || err != nil {
			t.Errorf("compared with nothing, %v", err)
		}
	})
}

func TestRefusesAConfigThatIsOfNoUse(t *testing.T) {
	for field, config := range map[string]Config{
		"Interval": {Interval: -1}, "Horizon": {Horizon: -1}, "Samples": {Samples: 1}, "MinScored": {MinScored: 10, AccuracyWindow: 9},
		"MinSamples": {MinSamples: 20, Samples: 10}, "MinAccuracy": {MinAccuracy: 1.5}, "Tolerances": {Tolerances: map[string]Tolerance{"bandwith": {}}},
		"Limits": {Limits: LinkLimits{MinStreams: 2, MaxStreams: 1, MinBuffer: 1, MaxBuffer: 1}},
	} {
		s, err := New(&fake{}, config)
		var refused *ConfigError
		if !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}

// slow is a Model whose prediction takes until its context is done.
type slow struct{ fake }

func (m *slow) Predict(ctx context.Context, _ []float64, _ []float32) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestCloseWaitsForThePredictionThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := started(t, &slow{fake{created: time.Now()}}, Config{Timeout: time.Hour})
		for i := range 2 {
			if err := s.Collector().Add(time.Now().Add(time.Duration(i)), link); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(90 * time.Second) // it began after one minute
		synctest.Wait()
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if got := s.Status(); got.Failures != 0 { // Close is no failure of the model's
			t.Errorf("got %+v", got)
		}
	})
}
