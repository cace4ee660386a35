package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetrainsOnceADayAndReloads(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var done jobs
		seen := &spy{}
		s := started(t, model, Config{MinSamples: 10, Observer: seen, Retrain: func(_ context.Context, r Retraining) error {
			done.add(r)
			if r.Model != "bandwidth_predictor" || r.Collector.Len() < 10 {
				t.Errorf("got %+v", r)
			}
			return nil
		}})
		begin := time.Now()
		minutes(t, s, 20)
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if !slices.Equal(done.all(), []Reason{ReasonAge, ReasonAge}) || model.reloadCount() != 2 || s.Status().Retrainings != 2 || len(seen.retrained) != 2 {
			t.Errorf("got %v, %d reloads, %+v", done.all(), model.reloadCount(), s.Status())
		}
		for i, at := range done.at {
			if want := time.Duration(i+1) * 24 * time.Hour; at.Sub(begin) < want || at.Sub(begin) > want+2*time.Minute {
				t.Errorf("after %v, want %v", at.Sub(begin), want)
			}
		}
	})
}

func TestAVersionThatSomebodyPublishedStartsTheDayAgain(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var done jobs
		s := started(t, model, Config{MinSamples: 2, Retrain: func(_ context.Context, r Retraining) error { done.add(r); return nil }})
		minutes(t, s, 5)
		time.Sleep(23 * time.Hour)
		model.set(func(f *fake) { f.created = time.Now() })
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if len(done.all()) != 0 {
			t.Errorf("got %v", done.all())
		}
	})
}

func TestDoesNotTrainAnOldModelWithNextToNothing(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		model.created = time.Now().Add(-1000 * time.Hour)
		var done jobs
		s := started(t, model, Config{MinSamples: 30, Retrain: func(_ context.Context, r Retraining) error { done.add(r); return nil }})
		minutes(t, s, 20)
		if len(done.all()) != 0 {
			t.Error("trained with 20 samples")
		}
		minutes(t, s, 20)
		if !slices.Equal(done.all(), []Reason{ReasonAge}) {
			t.Errorf("got %v", done.all())
		}
	})
}

func TestRetrainsWhenAccuracyIsLostAndNotAgainForTheOldPredictions(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var done jobs
		s := started(t, model, Config{MinSamples: 2, MinScored: 20, MinAccuracy: 0.8, Retrain: func(_ context.Context, r Retraining) error {
			done.add(r)
			if r.Accuracy.Ratio >= 0.8 || r.Accuracy.Scored < 40 {
				t.Errorf("accuracy is %+v", r.Accuracy)
			}
			model.set(func(f *fake) { f.factor = 1 })
			return nil
		}})
		minutes(t, s, 30)
		if len(done.all()) != 0 {
			t.Fatal("retrained a model that is right")
		}
		model.set(func(f *fake) { f.factor = 2 })
		minutes(t, s, 60)
		if !slices.Equal(done.all(), []Reason{ReasonAccuracy}) || s.Accuracy().Ratio < 0.95 {
			t.Errorf("got %v and %+v", done.all(), s.Accuracy())
		}
	})
}

func TestTriesAgainEverMoreRarelyAfterAFailure(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var done jobs
		broken := errors.New("no GPU")
		s := started(t, model, Config{Interval: time.Second, RetryAfter: time.Minute, MinSamples: 2, Samples: 100, Retrain: func(_ context.Context, r Retraining) error {
			done.add(r)
			if len(done.all()) < 9 {
				return broken
			}
			return nil
		}})
		s.RequestRetrain()
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := s.Status(); !errors.Is(got.RetrainFailure, broken) || got.RetrainFailures != 5 || model.reloadCount() != 0 {
			t.Errorf("got %+v, %d reloads", got, model.reloadCount())
		}
		time.Sleep(6 * time.Hour)
		synctest.Wait()
		var waits []float64
		for i := 1; i < len(done.at); i++ {
			waits = append(waits, done.at[i].Sub(done.at[i-1]).Round(time.Minute).Minutes())
		}
		if !slices.Equal(waits, []float64{1, 2, 4, 8, 16, 32, 64, 64}) {
			t.Errorf("waited %v minutes", waits)
		}
		if got := s.Status(); got.RetrainFailure != nil || got.Retrainings != 1 || model.reloadCount() != 1 {
			t.Errorf("got %+v, %d reloads", got, model.reloadCount())
		}
		if slices.ContainsFunc(done.all(), func(r Reason) bool { return r != ReasonAsked }) {
			t.Errorf("got %v", done.all())
		}
	})
}

func TestAVersionThatCannotBeLoadedOrAPanicIsAFailedRetraining(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		model.reloaded = errModel
		var panics atomic.Bool
		seen := &spy{}
		s := started(t, model, Config{Observer: seen, Retrain: func(context.Context, Retraining) error {
			if panics.Load() {
				panic("index out of range")
			}
			return nil
		}})
		s.RequestRetrain()
		synctest.Wait()
		if got := s.Status(); !errors.Is(got.RetrainFailure, errModel) || len(seen.retrained) != 1 || seen.retrained[0] == nil {
			t.Errorf("got %+v", got)
		}
		panics.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.Status(); got.RetrainFailures != 2 || !strings.Contains(got.RetrainFailure.Error(), "index out of range") {
			t.Errorf("got %+v", got)
		}
	})
}

func TestRetrainsNeverTwiceAtOnceAndPredictsMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var running, most atomic.Int64
		s := started(t, model, Config{MinSamples: 2, Retrain: func(context.Context, Retraining) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(50 * time.Hour) // longer than the interval
			return nil
		}})
		s.RequestRetrain()
		synctest.Wait()
		for range 5 {
			s.RequestRetrain()
			minutes(t, s, 3)
		}
		if got := s.Status(); got.Predictions < 14 || got.Retrainings != 0 {
			t.Errorf("got %+v", got)
		}
		time.Sleep(200 * time.Hour)
		synctest.Wait()
		if most.Load() != 1 {
			t.Errorf("%d at once", most.Load())
		}
		time.Sleep(50 * time.Hour) // let the last one end: Close would wait for it
	})
}

func TestCloseEndsTheRetrainingThatRunsAndWaitsForIt(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		var ended atomic.Bool
		seen := &spy{}
		s := started(t, model, Config{Observer: seen, Retrain: func(ctx context.Context, _ Retraining) error {
			<-ctx.Done()
			time.Sleep(time.Second) // to clean up
			ended.Store(true)
			return ctx.Err()
		}})
		s.RequestRetrain()
		synctest.Wait()
		_ = s.Close()
		if !ended.Load() || len(seen.retrained) != 0 || s.Status().RetrainFailures != 0 {
			t.Errorf("ended: %v, observed %v, %+v", ended.Load(), seen.retrained, s.Status())
		}
	})
}

func TestDoesNotRetrainWithoutBeingToldHow(t *testing.T) {
	bubble(t, func(t *testing.T, model *fake) {
		s := started(t, model, Config{MinSamples: 2})
		s.RequestRetrain()
		minutes(t, s, 3)
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		if model.reloadCount() != 0 {
			t.Error("reloaded")
		}
	})
}
