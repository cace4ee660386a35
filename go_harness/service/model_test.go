package service

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/metrics"
	"github.com/novacron/dwcpc/go_harness/registry"
)

var fixtures = filepath.Join("..", "..", "tests", "fixtures")

const bandwidthPredictor = "bandwidth_predictor"

// publish places a version that adds constant to 4 values, in which metadata.json names its targets.
func publish(t *testing.T, dir, version string, constant float32, edits ...bundletest.Edit) {
	t.Helper()
	made := bundletest.Adding(t, filepath.Join(fixtures, "add_one.onnx"), bandwidthPredictor, version, constant)
	folder := made.Publish(t, filepath.Join(fixtures, "bundles", "good"), dir)
	for _, e := range edits {
		if err := e.Apply(folder); err != nil {
			t.Fatal(err)
		}
	}
	bundletest.PointLatest(t, filepath.Join(dir, bandwidthPredictor), "v"+version)
}

func set(pointer, value string) bundletest.Edit {
	return bundletest.Edit{File: "metadata.json", Op: "set", Pointer: pointer, Value: []byte(value)}
}

var named = set("/outputs/0/channels", `["bandwidth","latency","packet_loss","jitter"]`)

func latest(t *testing.T, dir string, opts ...registry.Option) *registry.Model {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close() })
	r, err := registry.Open(rt, dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	m, err := r.GetLatest(bandwidthPredictor)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestServesAModelOfARegistryAndTheVersionThatRetrainingPublishes(t *testing.T) {
	dir := t.TempDir()
	publish(t, dir, "1.0", 1, named)
	gatherer := prometheus.NewRegistry()
	counts, err := metrics.New(gatherer)
	if err != nil {
		t.Fatal(err)
	}
	model, err := FromRegistry(latest(t, dir, registry.WithObserver(counts)))
	if err != nil {
		t.Fatal(err)
	}
	if model.Steps() != 1 || len(model.Channels()) != 4 || !slices.Equal(model.Targets(), []string{"bandwidth", "latency", "packet_loss", "jitter"}) ||
		!model.Created().Equal(noon) {
		t.Errorf("got %d steps of %v, targets %v, made %v", model.Steps(), model.Channels(), model.Targets(), model.Created())
	}
	s := started(t, model, Config{Interval: time.Millisecond, Validity: time.Hour, Timeout: time.Minute, MinSamples: 1, Observer: counts, Retrain: Command("true")})
	publish(t, dir, "1.1", 2, named) // as the command would
	if err := s.Collector().Add(time.Now(), []float32{100, 40, 0, 1}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		p, ok := s.Latest()
		if ok && p.Version == "1.1" {
			if !slices.Equal(p.Values, []float64{102, 42, 2, 3}) {
				t.Errorf("got %v", p.Values)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v, %+v", p, s.Status())
		}
	}
	_ = s.Close()
	for _, name := range []string{"dwcp_pba_confidence", "dwcpc_prediction_confidence", "dwcpc_retrains_total"} {
		if n, err := testutil.GatherAndCount(gatherer, name); err != nil || n == 0 {
			t.Errorf("%d series of %s, %v", n, name, err)
		}
	}
}

func TestRefusesAModelThatItCannotServe(t *testing.T) {
	for field, edits := range map[string][]bundletest.Edit{
		"bandwidth_predictor.y.channels":     nil,
		"bandwidth_predictor.scaler.applied": {named, set("/scaler/applied", `"host"`)},
	} {
		dir := t.TempDir()
		publish(t, dir, "1.0", 1, edits...)
		_, err := FromRegistry(latest(t, dir))
		var refused *ConfigError
		if !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
