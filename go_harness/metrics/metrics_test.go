package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

func TestCountsWhatARegistryDoesAndForgetsRetiredVersions(t *testing.T) {
	m, gatherer := made(t)
	dir := t.TempDir()
	publish(t, dir, "1.9")
	r := opened(t, dir, registry.WithObserver(m))
	handle, err := r.GetLatest(model)
	if err != nil {
		t.Fatal(err)
	}
	out, window := handle.NewOutputs(), make([]float32, 4)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []struct {
		ctx    context.Context
		window []float32
	}{{t.Context(), window}, {t.Context(), window}, {gone, window}, {t.Context(), window[:3]}} {
		_ = handle.Predict(call.ctx, out, call.window)
	}
	expect(t, values(t, gatherer), map[string]float64{
		"dwcpc_predictions_total bandwidth_predictor ok 1.9":        2,
		"dwcpc_predictions_total bandwidth_predictor cancelled 1.9": 1,
		"dwcpc_predictions_total bandwidth_predictor invalid 1.9":   1,
		"dwcpc_predictions_total bandwidth_predictor failed 1.9":    0,

		"dwcpc_prediction_latency_seconds bandwidth_predictor ok 1.9":        2,
		"dwcpc_prediction_latency_seconds bandwidth_predictor cancelled 1.9": 1,
		"dwcpc_model_info bandwidth_predictor 1.9":                           1,
		"dwcp_pba_predictions_total":                                         2,
		"dwcp_pba_prediction_latency_ms":                                     2,
		"dwcp_pba_model_version":                                             1.009,
	})

	publish(t, dir, "1.10")
	if err := handle.Reload(); err != nil {
		t.Fatal(err)
	}
	within(t, "the series of v1.9 are gone", func() bool {
		return !slices.ContainsFunc(names(t, gatherer), func(name string) bool { return strings.HasSuffix(name, " 1.9") })
	})
	if err := handle.Predict(t.Context(), out, window); err != nil {
		t.Fatal(err)
	}
	expect(t, values(t, gatherer), map[string]float64{
		"dwcpc_predictions_total bandwidth_predictor ok 1.10": 1,
		"dwcpc_model_info bandwidth_predictor 1.10":           1,
		"dwcpc_model_loads_total bandwidth_predictor loaded":  2,
		"dwcp_pba_predictions_total":                          3,
		"dwcp_pba_model_version":                              1.01, // not 1.1, which is another version's
	})
}

func names(t *testing.T, g prometheus.Gatherer) []string {
	t.Helper()
	var found []string
	for name := range values(t, g) {
		found = append(found, name)
	}
	return found
}

func TestCountsLoadsThatFailedButNotNamesThatNoModelHas(t *testing.T) {
	m, gatherer := made(t)
	unknown := fmt.Errorf("no folder: %w", registry.ErrUnknown)
	m.Happened(registry.Event{Kind: registry.Failed, Model: "stranger", Err: unknown})
	m.Happened(registry.Event{Kind: registry.Failed, Model: "broken", Err: errors.New("hash")})
	m.Happened(registry.Event{Kind: registry.Loaded, Model: "good", Version: "1.0"})
	m.Happened(registry.Event{Kind: registry.Failed, Model: "good", Version: "1.1", Err: unknown}) // a version that was deleted
	got := values(t, gatherer)
	expect(t, got, map[string]float64{
		"dwcpc_model_loads_total broken failed": 1, "dwcpc_model_loads_total good failed": 1, "dwcpc_model_loads_total good loaded": 1,
	})
	if _, there := got["dwcpc_model_loads_total stranger failed"]; there {
		t.Error("a name that no model has got a series")
	}
}

func TestNamesHowAPredictionEnded(t *testing.T) {
	for err, want := range map[error]int{
		nil: ok, fmt.Errorf("predictor: not run: %w", context.Canceled): cancelled, context.DeadlineExceeded: cancelled,
		&predictor.LengthError{}: invalid, predictor.ErrClosed: failed, errors.New("runtime"): failed,
	} {
		if got := outcomeOf(err); got != want {
			t.Errorf("%v is %s, want %s", err, outcomes[got], outcomes[want])
		}
	}
}

func TestMeasuresInSecondsWithNativeBucketsAndTheOwnersInMilliseconds(t *testing.T) {
	m, gatherer := made(t)
	m.Predictions(model, "1.0").Predicted(1500*time.Microsecond, 3, nil)
	expect(t, values(t, gatherer), map[string]float64{"dwcpc_predictions_total " + model + " ok 1.0": 3, "dwcp_pba_predictions_total": 3})
	seconds, ms := histogramOf(t, gatherer, latency.name), histogramOf(t, gatherer, ownersLatency.name)
	if seconds.GetSampleSum() != 0.0015 || len(seconds.GetPositiveSpan()) == 0 || ms.GetSampleSum() != 1.5 {
		t.Errorf("got %v and %v", seconds, ms)
	}
	for _, bucket := range ms.GetBucket() {
		if want := bucket.GetUpperBound() >= 1.5; (bucket.GetCumulativeCount() == 1) != want {
			t.Errorf("1.5 ms is in the bucket up to %v ms: %v", bucket.GetUpperBound(), !want)
		}
	}
	for _, bound := range []float64{1, 2, 5, 10, 20, 50, 100} { // the owners' own, which their alerts may name
		if !slices.Contains(ownersBuckets, bound) {
			t.Errorf("no bucket up to %v ms", bound)
		}
	}
}

// histogramOf returns the one histogram of that name that has an observation.
func histogramOf(t *testing.T, g prometheus.Gatherer, name string) *dto.Histogram {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && metric.GetHistogram().GetSampleCount() > 0 {
				return metric.GetHistogram()
			}
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func TestKeepsTheSeriesOfAVersionThatWasLoadedAgainBeforeItRetired(t *testing.T) {
	m, gatherer := made(t)
	m.Predictions(model, "1.0").Predicted(time.Millisecond, 1, nil)
	again := m.Predictions(model, "1.0")
	m.Happened(registry.Event{Kind: registry.Retired, Model: model, Version: "1.0"})
	again.Predicted(time.Millisecond, 1, nil)
	expect(t, values(t, gatherer), map[string]float64{"dwcpc_predictions_total " + model + " ok 1.0": 2})
	m.Happened(registry.Event{Kind: registry.Retired, Model: model, Version: "1.0"})
	m.Accuracy(model, "1.0", 0.9) // too late
	m.Confidence(model, "1.0", 0.9)
	m.Happened(registry.Event{Kind: registry.Retired, Model: model, Version: "1.0"}) // unheard of
	if got := values(t, gatherer); len(got) != 3 {
		t.Errorf("got %v, want the owners' three that are never deleted", got)
	}
}

func TestTheOwnersNamesAreOfOneModel(t *testing.T) {
	m, gatherer := made(t, WithOwnersModel("mine"))
	for _, name := range []string{"mine", "other"} {
		m.Predictions(name, "2.0").Predicted(time.Millisecond, 1, nil)
		m.Retrained(name, nil)
		m.Retrained(name, errors.New("no data"))
	}
	m.Happened(registry.Event{Kind: registry.Served, Model: "mine", Version: "2.0"})
	m.Happened(registry.Event{Kind: registry.Served, Model: "other", Version: "3.0"})
	for name, value := range map[string]float64{"mine": 0.75, "other": 0.25} {
		m.Accuracy(name, "2.0", value)
		m.Confidence(name, "2.0", value+0.125)
	}
	expect(t, values(t, gatherer), map[string]float64{
		"dwcp_pba_prediction_accuracy": 0.75, "dwcp_pba_confidence": 0.875, "dwcp_pba_model_version": 2, "dwcp_pba_retrain_total": 1,
		"dwcp_pba_predictions_total": 1, "dwcp_pba_prediction_latency_ms": 1,
		"dwcpc_prediction_accuracy other 2.0": 0.25, "dwcpc_prediction_confidence other 2.0": 0.375,
		"dwcpc_retrains_total other ok": 1, "dwcpc_retrains_total mine failed": 1,
	})
}

func TestSaysNothingOfAccuracyBeforeItWasMeasured(t *testing.T) {
	_, gatherer := made(t)
	got := values(t, gatherer)
	for _, name := range []string{ownersAccuracy.name, ownersConfidence.name, ownersVersion.name} {
		if value, there := got[name]; there {
			t.Errorf("%s is %v already", name, value)
		}
	}
	expect(t, got, map[string]float64{ownersPredictions.name: 0, ownersRetrains.name: 0, ownersLatency.name: 0})
}

func TestExportsExactlyTheOwnersNames(t *testing.T) {
	want := []string{ // facts of the owners' service: neither these nor their missing labels may change
		"dwcp_pba_prediction_accuracy", "dwcp_pba_prediction_latency_ms", "dwcp_pba_model_version", "dwcp_pba_confidence",
		"dwcp_pba_retrain_total", "dwcp_pba_predictions_total",
	}
	var found []string
	for _, d := range definitions() {
		if strings.HasPrefix(d.name, "dwcp_") {
			found = append(found, d.name)
			if len(d.labels) != 0 {
				t.Errorf("%s has labels", d.name)
			}
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("got %v", found)
	}
}

func TestExportsEveryNameThatItListsAndNoOther(t *testing.T) {
	m, gatherer := made(t)
	m.Predictions(model, "1.0")
	m.Happened(registry.Event{Kind: registry.Loaded, Model: model, Version: "1.0"})
	m.Happened(registry.Event{Kind: registry.Served, Model: model, Version: "1.0"})
	m.Accuracy(model, "1.0", 1)
	m.Confidence(model, "1.0", 1)
	m.Retrained(model, nil)
	families, err := gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, family := range families {
		found = append(found, family.GetName())
	}
	listed := Names()
	slices.Sort(listed)
	if !slices.Equal(found, listed) {
		t.Errorf("got %v\nwant %v", found, listed)
	}
}

func TestNamesAreAsPrometheusAsksButForTheOwners(t *testing.T) {
	_, gatherer := made(t)
	problems, err := testutil.GatherAndLint(gatherer)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if !strings.HasPrefix(problem.Metric, "dwcp_pba_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

func TestRegistersAllOrNothing(t *testing.T) {
	taken := prometheus.NewRegistry()
	taken.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: serving.name, Help: "another's"}))
	if _, err := New(taken); err == nil {
		t.Fatal("registered a name twice")
	}
	if _, err := New(nil); !errors.Is(err, errNoRegisterer) {
		t.Errorf("got %v", err)
	}
	if families, _ := taken.Gather(); len(families) != 1 {
		t.Errorf("%d metrics stayed, want the other one's", len(families))
	}
	m, gatherer := made(t)
	m.Close()
	if _, err := New(gatherer); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestAnyGoroutineMayObserveWhileVersionsComeAndGo(t *testing.T) {
	m, gatherer := made(t)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 200 {
				version := fmt.Sprintf("1.%d", j%3)
				observer := m.Predictions(model, version)
				observer.Predicted(time.Duration(j)*time.Microsecond, 1, nil)
				m.Confidence(model, version, 0.5)
				m.Happened(registry.Event{Kind: registry.Served, Model: model, Version: version})
				m.Happened(registry.Event{Kind: registry.Retired, Model: model, Version: version})
				if i == 0 && j%20 == 0 {
					values(t, gatherer)
				}
			}
		})
	}
	group.Wait()
	expect(t, values(t, gatherer), map[string]float64{"dwcp_pba_predictions_total": 800})
}
