package service

import (
	"sync"
	"time"

	"github.com/novacron/dwcpc/go_harness/features"
)

// Raw takes the raw samples of one series and collects their features: what a model is served from whose features are not in
// its graph. Any number of goroutines may use it. It comes from NewRaw.
type Raw struct {
	spec      *features.Spec
	collector *Collector

	mu       sync.Mutex // guards what follows, and the order of samples between stream and collector
	stream   *features.Stream
	features []float32
	last     time.Time // of the sample that was taken last; zero before
}

// NewRaw returns a Raw that adds to the collector. A collector whose channels are not the features of spec, in their order, gets
// the *features.ColumnsError of Spec.CheckFeatures.
func NewRaw(spec *features.Spec, collector *Collector) (*Raw, error) {
	channels := collector.Channels()
	if err := spec.CheckFeatures(channels); err != nil {
		return nil, err
	}
	return &Raw{spec: spec, collector: collector, stream: features.Compile(spec).NewStream(), features: make([]float32, len(channels))}, nil
}

// Add takes a sample with a value for each raw column, in the specification's order; for a category column it is what
// features.Spec.Code returns. Its time, in seconds, is the specification's; behind a gap that ends a history (max_gap) windows
// begin anew as well. A sample that is not later than the last is a *SampleError, as Collector.Add has it and whatever the
// specification says of duplicates; one that the specification refuses is a *features.SampleError. Neither leaves a trace. It
// allocates nothing unless it fails.
func (r *Raw) Add(at time.Time, row []float64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.IsZero() && !at.After(r.last) {
		return &SampleError{At: at, Last: r.last}
	}
	if _, err := r.stream.Push32(r.features, seconds(at), row); err != nil {
		return err
	}
	if r.gap(at) {
		r.collector.begin()
	}
	r.last = at
	return r.collector.Add(at, r.features)
}

// gap is whether the specification ends the history before a sample at this time.
func (r *Raw) gap(at time.Time) bool {
	order := r.spec.Time
	return order != nil && order.MaxGap != nil && !r.last.IsZero() && seconds(at)-seconds(r.last) > *order.MaxGap
}

// seconds since 1970, as the tables that models are trained on have them.
func seconds(at time.Time) float64 { return float64(at.Unix()) + float64(at.Nanosecond())/1e9 }
