package abtest

import (
	"math"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/latency"
)

// latencies is how often each latency was seen: 18 KB, whatever the number of samples.
type latencies struct {
	counts  [latency.Buckets]uint64
	samples uint64
}

func (l *latencies) add(took time.Duration) {
	l.counts[latency.Bucket(took)]++
	l.samples++
}

// quantile bounds the q-quantile Q of an arm's latencies, for all numbers n of samples at once: the number N of samples that
// are not above Q has a mean of at least qn, that of those below Q at most qn, and for each λ > 0
//
//	E exp(λ(1−x) − λ(1−q) − κ) ≤ 1,    κ(λ, p) = ln(1 − p + p·e^λ) − λp
//
// for x = 1 with probability at least q, and likewise on the other side. The mixture of these bounds N, and N bounds Q: with
// probability 1−α it is never below low or above high. No mean is involved and no moment need exist: one latency of an hour is
// one sample.
//
// Source: S. R. Howard, A. Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
// identification", Bernoulli 28(3), 2022, https://arxiv.org/abs/1906.09712: from counts to quantiles.
type quantile struct {
	q            float64
	above, below mixture // of samples above Q in excess of 1−q, and below it in excess of q
}

// newQuantile gives each of the two sides the error probability alpha.
func newQuantile(q, alpha float64, samples int) quantile {
	side := func(p float64) mixture {
		const most = 1.0
		least := math.Sqrt(-2 * math.Log(alpha) / (p * (1 - p) * float64(samples)))
		return newMixture(alpha, min(least, most), most, func(lambda float64) float64 {
			return math.Log1p(p*math.Expm1(lambda)) - lambda*p
		})
	}
	return quantile{q: q, above: side(1 - q), below: side(q)}
}

// low returns what Q is not below, in nanoseconds.
func (q *quantile) low(l *latencies) float64 {
	n := float64(l.samples)
	// Fewer than this lie below an edge: were Q below the edge, too few would lie at Q or below, and too many above.
	limit := n*q.q - q.above.bound(n)
	low, below := 0.0, uint64(0)
	for i, count := range l.counts {
		if float64(below) >= limit {
			break
		}
		low = latency.Edge(i)
		below += count
	}
	return low
}

// high returns what Q is not above, in nanoseconds; infinity while there are too few samples to tell.
func (q *quantile) high(l *latencies) float64 {
	n := float64(l.samples)
	limit := n*q.q + q.below.bound(n)
	below := uint64(0)
	for i, count := range l.counts {
		below += count
		if float64(below) > limit {
			return latency.Edge(i + 1)
		}
	}
	return math.Inf(1)
}

// estimate returns the sample's quantile, to a bucket's lower edge.
func (q *quantile) estimate(l *latencies) float64 {
	below := uint64(0)
	for i, count := range l.counts {
		if below += count; below > 0 && float64(below) >= q.q*float64(l.samples) {
			return latency.Edge(i)
		}
	}
	return 0
}
