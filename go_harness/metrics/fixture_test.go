package metrics

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/registry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var (
	fixtures = filepath.Join("..", "..", "tests", "fixtures")
	goodDir  = filepath.Join(fixtures, "bundles", "good")
)

const model = DefaultOwnersModel

func made(t testing.TB, opts ...Option) (*Metrics, *prometheus.Registry) {
	t.Helper()
	gatherer := prometheus.NewPedanticRegistry()
	m, err := New(gatherer, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m, gatherer
}

// publish places a version that adds 1 in the registry on disk, and points `latest` at it.
func publish(t testing.TB, dir, version string) {
	t.Helper()
	bundletest.Adding(t, filepath.Join(fixtures, "add_one.onnx"), model, version, 1).Publish(t, goodDir, dir)
	bundletest.PointLatest(t, filepath.Join(dir, model), "v"+version)
}

func opened(t testing.TB, dir string, opts ...registry.Option) *registry.Registry {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(rt, dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// values returns every series by its name and its labels' values: a counter's or gauge's value, or a histogram's count.
func values(t testing.TB, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() { // in alphabetical order of the labels: model, outcome, version
				name += " " + label.GetValue()
			}
			found[name] = valueOf(metric)
		}
	}
	return found
}

func valueOf(metric *dto.Metric) float64 {
	switch {
	case metric.Counter != nil:
		return metric.Counter.GetValue()
	case metric.Gauge != nil:
		return metric.Gauge.GetValue()
	default:
		return float64(metric.Histogram.GetSampleCount())
	}
}

func expect(t testing.TB, got map[string]float64, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if found, ok := got[name]; !ok || found != value {
			t.Errorf("%s is %v (there: %v), want %v", name, found, ok, value)
		}
	}
}

// within waits until the condition holds; it fails after ten seconds.
func within(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}
