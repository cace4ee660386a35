package observe

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/latency"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Timing keeps how long predictions took, waiting for a slot included, in a histogram of 18 KB. Any number of goroutines may use
// it.
type Timing struct {
	next   Predictor
	counts [latency.Buckets]atomic.Uint64
	failed atomic.Uint64
	total  atomic.Uint64 // ns
	least  atomic.Int64  // ns
	most   atomic.Int64  // ns
}

// NewTiming wraps next.
func NewTiming(next Predictor) *Timing {
	t := &Timing{next: next}
	t.least.Store(math.MaxInt64)
	return t
}

// NewOutputs returns the wrapped one's.
func (t *Timing) NewOutputs() predictor.Outputs { return t.next.NewOutputs() }

// Predict asks the wrapped one. A prediction that fails is counted, and its time is not.
func (t *Timing) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	begun := time.Now()
	if err := t.next.Predict(ctx, out, window); err != nil {
		t.failed.Add(1)
		return err
	}
	t.add(time.Since(begun))
	return nil
}

func (t *Timing) add(took time.Duration) {
	t.counts[latency.Bucket(took)].Add(1)
	t.total.Add(uint64(took))
	lower(&t.least, int64(took))
	raise(&t.most, int64(took))
}

// Times are what a Timing has seen since it was made. The percentiles are a bucket's upper edge, at most 1.6 % above the
// sample's own; they and the durations are 0 where Count is.
type Times struct {
	Count, Failed                 uint64
	Mean, Min, P50, P90, P99, Max time.Duration
}

// Times returns what was seen so far. Predictions that end meanwhile may be in one figure and not yet in another.
func (t *Timing) Times() Times {
	var counts [latency.Buckets]uint64
	seen := Times{Failed: t.failed.Load()}
	for i := range counts {
		counts[i] = t.counts[i].Load()
		seen.Count += counts[i]
	}
	if seen.Count == 0 {
		return seen
	}
	seen.Mean = time.Duration(t.total.Load() / seen.Count)
	seen.Min, seen.Max = time.Duration(t.least.Load()), time.Duration(t.most.Load())
	for q, to := range map[float64]*time.Duration{0.5: &seen.P50, 0.9: &seen.P90, 0.99: &seen.P99} {
		*to = min(quantile(&counts, uint64(math.Ceil(q*float64(seen.Count)))), seen.Max)
	}
	return seen
}

// quantile returns the upper edge of the bucket that holds the rank-th smallest.
func quantile(counts *[latency.Buckets]uint64, rank uint64) time.Duration {
	below := uint64(0)
	for i, count := range counts {
		if below += count; below >= rank {
			return time.Duration(min(latency.Edge(i+1), math.MaxInt64/2))
		}
	}
	return 0
}

func lower(to *atomic.Int64, value int64) {
	for old := to.Load(); value < old && !to.CompareAndSwap(old, value); old = to.Load() {
	}
}

func raise(to *atomic.Int64, value int64) {
	for old := to.Load(); value > old && !to.CompareAndSwap(old, value); old = to.Load() {
	}
}
