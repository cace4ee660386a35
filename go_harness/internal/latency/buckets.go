// Package latency sorts durations into buckets: exact below 64 ns, and then 64 to each factor of 2, so that a bucket's edges are
// within 1.6 %.
package latency

import (
	"math"
	"math/bits"
	"time"
)

const (
	stepBits = 6
	steps    = 1 << stepBits
	// 2^mostBits ns, 18 minutes, and above is one bucket, without an upper edge.
	mostBits = 40
	// Buckets is how many there are.
	Buckets = (mostBits-stepBits+1)*steps + 1
)

// Bucket returns the bucket of a latency; a negative one, which only a clock that was set back measures, counts as 0.
func Bucket(latency time.Duration) int {
	ns := uint64(max(latency, 0))
	if ns < steps {
		return int(ns)
	}
	if ns >= 1<<mostBits {
		return Buckets - 1
	}
	shift := bits.Len64(ns) - stepBits - 1
	return shift*steps + int(ns>>shift)
}

// Edge returns the lower edge of a bucket in nanoseconds, which is the upper one of the bucket before.
func Edge(bucket int) float64 {
	if bucket >= Buckets {
		return math.Inf(1)
	}
	if bucket < steps {
		return float64(bucket)
	}
	shift := bucket/steps - 1
	return float64(uint64(bucket-shift*steps) << shift)
}
