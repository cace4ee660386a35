package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// nativeFactor is how much wider a native bucket is than the one before, at most: quantiles are off by 5 % at most.
	nativeFactor = 1.1
	// maxNativeBuckets holds more than seven decades at that factor.
	maxNativeBuckets = 180
	// nativeReset is how long a histogram that has grown too wide stays coarse, at least.
	nativeReset = time.Hour
)

func (d definition) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.name, Help: d.help}, d.labels)
}

func (d definition) gauge() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.name, Help: d.help}, d.labels)
}

func (d definition) histogram() *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{Name: d.name, Help: d.help, Buckets: d.buckets}
	if d.native {
		opts.NativeHistogramBucketFactor = nativeFactor
		opts.NativeHistogramMaxBucketNumber = maxNativeBuckets
		opts.NativeHistogramMinResetDuration = nativeReset
	}
	return prometheus.NewHistogramVec(opts, d.labels)
}

// collectors are the metrics themselves.
type collectors struct {
	latency     *prometheus.HistogramVec
	predictions *prometheus.CounterVec
	accuracy    *prometheus.GaugeVec
	confidence  *prometheus.GaugeVec
	retrains    *prometheus.CounterVec
	loads       *prometheus.CounterVec
	serving     *prometheus.GaugeVec

	owners owners
}

// owners are the owners' six. The gauges appear with their first value: an accuracy of 0 before anything was measured would
// raise an alarm.
type owners struct {
	accuracy    *prometheus.GaugeVec
	latency     *prometheus.HistogramVec
	version     *prometheus.GaugeVec
	confidence  *prometheus.GaugeVec
	retrains    *prometheus.CounterVec
	predictions *prometheus.CounterVec
}

func newCollectors() collectors {
	return collectors{
		latency: latency.histogram(), predictions: predictions.counter(), accuracy: accuracy.gauge(), confidence: confidence.gauge(),
		retrains: retrains.counter(), loads: loads.counter(), serving: serving.gauge(),
		owners: owners{
			accuracy: ownersAccuracy.gauge(), latency: ownersLatency.histogram(), version: ownersVersion.gauge(),
			confidence: ownersConfidence.gauge(), retrains: ownersRetrains.counter(), predictions: ownersPredictions.counter(),
		},
	}
}

func (c *collectors) all() []prometheus.Collector {
	return []prometheus.Collector{
		c.owners.accuracy, c.owners.latency, c.owners.version, c.owners.confidence, c.owners.retrains, c.owners.predictions,
		c.latency, c.predictions, c.accuracy, c.confidence, c.retrains, c.loads, c.serving,
	}
}

// register registers all collectors or none.
func register(registerer prometheus.Registerer, all []prometheus.Collector) error {
	for i, collector := range all {
		if err := registerer.Register(collector); err != nil {
			unregister(registerer, all[:i])
			return err
		}
	}
	return nil
}

func unregister(registerer prometheus.Registerer, all []prometheus.Collector) {
	for _, collector := range all {
		registerer.Unregister(collector)
	}
}

var errNoRegisterer = errors.New("metrics: the registerer is nil, expected one such as prometheus.NewRegistry()")
