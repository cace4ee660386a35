package service

import (
	"math"
	"time"
)

// Tolerance says when a predicted value counts as right: |predicted − measured| ≤ Absolute + Relative · |measured|.
type Tolerance struct {
	Absolute float64 // in the target's unit
	Relative float64
}

func (t Tolerance) holds(predicted, measured float64) bool {
	return math.Abs(predicted-measured) <= t.Absolute+t.Relative*math.Abs(measured)
}

// Accuracy is how the predictions of the version that serves turned out, over the last of them that could be compared.
type Accuracy struct {
	Version string
	Scored  int     // values compared with a later measurement
	Ratio   float64 // share of them that were right; NaN where Scored is 0
	// Confidence is what Ratio is at least, with 90 % certainty: Wilson's lower bound, which is 0 before anything was compared
	// and nears Ratio as more is.
	Confidence float64
	MeanError  []float64 // mean |predicted − measured| of each target, in its unit; NaN where Scored is 0
}

// wilsonZ is the normal distribution's 90 % quantile: the bound is one-sided.
const wilsonZ = 1.2815515655446004

// wilson returns the lower bound of a share of which hits of n were seen:
//
//	(p + z²/2n − z · √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
func wilson(hits, n int) float64 {
	if n == 0 {
		return 0
	}
	p, count, z2 := float64(hits)/float64(n), float64(n), wilsonZ*wilsonZ
	root := wilsonZ * math.Sqrt(p*(1-p)/count+z2/(4*count*count))
	return max(0, (p+z2/(2*count)-root)/(1+z2/count))
}

// scored is one prediction that was compared.
type scored struct {
	hits   int
	errors []float64
}

// tracker compares predictions with what was measured later. Its user locks.
type tracker struct {
	tolerances []Tolerance
	window     int           // scored predictions that count
	slack      time.Duration // how far from its time a measurement may be

	version string
	pending []Prediction // not compared yet, by the time they are for
	scored  []scored     // the last ones
}

// maxPending bounds what waits for measurements that may never come.
const maxPending = 1024

// predicted remembers a prediction. One of another version starts afresh: accuracy is a version's own.
func (t *tracker) predicted(p Prediction) {
	if p.Version != t.version {
		t.version = p.Version
		t.reset()
	}
	if len(t.pending) == maxPending {
		t.pending = append(t.pending[:0], t.pending[1:]...)
	}
	t.pending = append(t.pending, p)
}

func (t *tracker) reset() {
	t.scored, t.pending = nil, nil
}

// measured compares the prediction that is for the time nearest to at, and forgets those before it: measurements come in order.
// It is false where none is near enough.
func (t *tracker) measured(at time.Time, values []float64) bool {
	nearest, distance := -1, t.slack
	for i, p := range t.pending {
		if d := p.For.Sub(at).Abs(); d <= distance {
			nearest, distance = i, d
		}
	}
	if nearest < 0 {
		return false
	}
	t.score(t.pending[nearest].Values, values)
	t.pending = append(t.pending[:0], t.pending[nearest+1:]...)
	return true
}

func (t *tracker) score(predicted, measured []float64) {
	s := scored{errors: make([]float64, len(measured))}
	for i := range measured {
		s.errors[i] = math.Abs(predicted[i] - measured[i])
		if t.tolerances[i].holds(predicted[i], measured[i]) {
			s.hits++
		}
	}
	if len(t.scored) == t.window {
		t.scored = append(t.scored[:0], t.scored[1:]...)
	}
	t.scored = append(t.scored, s)
}

func (t *tracker) accuracy() Accuracy {
	targets := len(t.tolerances)
	a := Accuracy{Version: t.version, Scored: len(t.scored) * targets, Ratio: math.NaN(), MeanError: make([]float64, targets)}
	hits := 0
	for _, s := range t.scored {
		hits += s.hits
		for i, e := range s.errors {
			a.MeanError[i] += e
		}
	}
	for i := range a.MeanError {
		a.MeanError[i] /= float64(len(t.scored)) // 0/0 is the NaN that is promised
	}
	if a.Scored > 0 {
		a.Ratio = float64(hits) / float64(a.Scored)
	}
	// Values of one prediction go wrong together, so it counts as one observation, not as one for each target.
	if n := len(t.scored); n > 0 {
		a.Confidence = wilson(hits/targets, n)
	}
	return a
}
