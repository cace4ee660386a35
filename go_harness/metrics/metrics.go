// Package metrics exports to Prometheus what a registry's models do: how long predictions take and how they end, which version
// serves, which could not be loaded; and what a prediction service knows of accuracy, confidence and retraining.
//
// Everything has the labels model and version. Six metrics are exported a second time under the names that dashboards already
// rely on, dwcp_pba_…, without labels and in milliseconds; those are of one model, WithOwnersModel's.
//
// dashboard.json is a Grafana dashboard of all of them.
package metrics

import (
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// DefaultOwnersModel is the model that the owners' metrics are of.
const DefaultOwnersModel = "bandwidth_predictor"

// Metrics is an Observer of a registry. Any number of goroutines may use it, and any number of registries that serve different
// models. It comes from New.
type Metrics struct {
	collectors  collectors
	registerer  prometheus.Registerer
	ownersModel string

	mu    sync.Mutex       // guards what follows
	live  map[key]*version // what is loaded
	known map[string]bool  // models that were ever loaded
}

// key names the series of one version.
type key struct {
	model   string
	version string
}

var _ registry.Observer = (*Metrics)(nil)

// Option changes how New sets up Metrics.
type Option func(*Metrics)

// WithOwnersModel names the model that the dwcp_pba_ metrics are of; the default is DefaultOwnersModel. They have no label to
// tell models apart by.
func WithOwnersModel(name string) Option {
	return func(m *Metrics) { m.ownersModel = name }
}

// New registers the metrics. Hand what it returns to registry.WithObserver. It fails where the registerer has a metric of the
// same name, and has then registered nothing.
func New(registerer prometheus.Registerer, opts ...Option) (*Metrics, error) {
	if registerer == nil {
		return nil, errNoRegisterer
	}
	m := &Metrics{collectors: newCollectors(), registerer: registerer, ownersModel: DefaultOwnersModel, live: map[key]*version{}, known: map[string]bool{}}
	for _, apply := range opts {
		apply(m)
	}
	m.collectors.owners.latency.WithLabelValues() // shown as 0 from the start, as counters should be
	m.collectors.owners.predictions.WithLabelValues()
	m.collectors.owners.retrains.WithLabelValues()
	if err := register(registerer, m.collectors.all()); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return m, nil
}

// Close takes the metrics from the registerer.
func (m *Metrics) Close() {
	unregister(m.registerer, m.collectors.all())
}

// Happened counts loads and keeps the series to the versions that are loaded, as registry.Observer says.
func (m *Metrics) Happened(event registry.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch event.Kind {
	case registry.Loaded:
		m.known[event.Model] = true
		m.collectors.loads.WithLabelValues(event.Model, "loaded").Inc()
	case registry.Failed:
		m.failed(event)
	case registry.Served:
		m.served(event)
	case registry.Retired:
		m.retired(key{event.Model, event.Version})
	}
}

// Predictions returns who counts a version's predictions, as registry.Observer says. Each call is matched by one Retired event;
// the version's series are gone after the last.
func (m *Metrics) Predictions(model, number string) registry.PredictionObserver {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{model, number}
	v := m.live[k]
	if v == nil {
		v = m.collectors.version(k, model == m.ownersModel)
		m.live[k] = v
	}
	v.loaded++
	return v
}

// Accuracy sets how accurate a version's predictions turned out, from 0 to 1. A version that is not loaded has no series, and
// gets none.
func (m *Metrics) Accuracy(model, number string, ratio float64) {
	m.set(m.collectors.accuracy, m.collectors.owners.accuracy, key{model, number}, ratio)
}

// Confidence sets how sure a version is of its last prediction, from 0 to 1. A version that is not loaded has no series, and
// gets none.
func (m *Metrics) Confidence(model, number string, ratio float64) {
	m.set(m.collectors.confidence, m.collectors.owners.confidence, key{model, number}, ratio)
}

// Retrained counts a retraining that ended, well or with an error. The owners' metric counts those that ended well.
func (m *Metrics) Retrained(model string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.collectors.retrains.WithLabelValues(model, outcome).Inc()
	if err == nil && model == m.ownersModel {
		m.collectors.owners.retrains.WithLabelValues().Inc()
	}
}

func (m *Metrics) set(all, owners *prometheus.GaugeVec, k key, value float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[k] == nil {
		return
	}
	all.WithLabelValues(k.model, k.version).Set(value)
	if k.model == m.ownersModel {
		owners.WithLabelValues().Set(value)
	}
}

// failed counts an attempt to load. A name that no model has ever had may be a stranger's: it gets no series, or requests could
// fill the memory with them.
func (m *Metrics) failed(event registry.Event) {
	if errors.Is(event.Err, registry.ErrUnknown) && !m.known[event.Model] {
		return
	}
	m.collectors.loads.WithLabelValues(event.Model, "failed").Inc()
}

// served moves dwcpc_model_info to the version that serves.
func (m *Metrics) served(event registry.Event) {
	if event.Previous != "" {
		m.collectors.serving.DeleteLabelValues(event.Model, event.Previous)
	}
	m.collectors.serving.WithLabelValues(event.Model, event.Version).Set(1)
	if event.Model == m.ownersModel {
		m.collectors.owners.version.WithLabelValues().Set(ownersNumber(event.Version))
	}
}

// ownersNumber is a version as the owners' gauge has it. As a plain decimal 1.10 would be 1.1.
func ownersNumber(text string) float64 {
	v, _ := bundle.ParseVersion(text) // the registry serves no other
	return float64(v.Major) + float64(v.Minor)/1000
}

// retired deletes the version's series, unless the version is still loaded: a rollback may have loaded it again before its
// last user was gone.
func (m *Metrics) retired(k key) {
	v := m.live[k]
	if v == nil {
		return
	}
	if v.loaded--; v.loaded > 0 {
		return
	}
	delete(m.live, k)
	m.collectors.delete(k)
}
