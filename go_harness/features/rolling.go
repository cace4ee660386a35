package features

import (
	"math"
	"slices"
)

// rolling computes the statistics of one source and window, which have their sums and extremes in common.
type rolling struct {
	history
	window     int
	means      []statistic
	deviations []statistic
	lows       []statistic
	highs      []statistic
}

// statistic is a step's own part of it.
type statistic struct {
	target
	periods int
	ddof    int
}

func (k *rolling) add(step Step, to target) {
	s := statistic{to, step.Periods, step.DDOF}
	switch step.Op {
	case "rolling_mean":
		k.means = append(k.means, s)
	case "rolling_std":
		k.deviations = append(k.deviations, s)
	case "rolling_min":
		k.lows = append(k.lows, s)
	case "rolling_max":
		k.highs = append(k.highs, s)
	}
}

// summary is of the valid values of a window, oldest first: their number, sum and extremes, of equal ones the oldest.
type summary struct {
	n              int
	sum, low, high float64
}

func (k *rolling) run(m *memory) {
	r := &m.rings[k.ring]
	x := r.last(k.window)
	whole := r.finite >= k.window
	var s summary
	if whole {
		s = summaryOfFinite(x)
	} else {
		s = summaryOfValid(x)
	}
	mean := s.sum / float64(s.n)
	for i := range k.means {
		k.means[i].judged(m, s.n, mean)
	}
	for i := range k.lows {
		k.lows[i].judged(m, s.n, s.low)
	}
	for i := range k.highs {
		k.highs[i].judged(m, s.n, s.high)
	}
	if len(k.deviations) == 0 {
		return
	}
	q := 0.0
	switch {
	case s.low == s.high: // exactly, however the mean was rounded
	case whole:
		q = squaresOfFinite(x, mean)
	default:
		q = squaresOfValid(x, mean)
	}
	for i := range k.deviations {
		k.deviations[i].deviation(m, s.n, q)
	}
}

// judged puts x, unless too few values were valid.
func (t *statistic) judged(m *memory, n int, x float64) {
	if n < t.periods {
		x = nan
	}
	t.put(m, x)
}

func (t *statistic) deviation(m *memory, n int, q float64) {
	if n <= t.ddof {
		q = nan
	}
	t.judged(m, n, math.Sqrt(q/float64(n-t.ddof)))
}

// summaryOfFinite has no branch that depends on the values, which would be mispredicted every other time.
func summaryOfFinite(x []float64) summary {
	s := summary{n: len(x), low: x[0], high: x[0]}
	for _, v := range x {
		s.sum += v
		s.low, s.high = min(s.low, v), max(s.high, v)
	}
	s.low, s.high = oldestZero(x, s.low), oldestZero(x, s.high)
	return s
}

// oldestZero returns the extreme itself, and of zeros, which min and max take the sign of, the oldest in x.
func oldestZero(x []float64, extreme float64) float64 {
	if extreme != 0 {
		return extreme
	}
	return x[slices.Index(x, 0)]
}

func summaryOfValid(x []float64) summary {
	s := summary{low: nan, high: nan}
	for _, v := range x {
		if !isFinite(v) {
			continue
		}
		if s.n == 0 {
			s.low, s.high = v, v
		}
		s.n++
		s.sum += v
		if v < s.low {
			s.low = v
		}
		if v > s.high {
			s.high = v
		}
	}
	return s
}

func squaresOfFinite(x []float64, mean float64) float64 {
	q := 0.0
	for _, v := range x {
		d := v - mean
		q += float64(d * d)
	}
	return q
}

func squaresOfValid(x []float64, mean float64) float64 {
	q := 0.0
	for _, v := range x {
		if isFinite(v) {
			d := v - mean
			q += float64(d * d)
		}
	}
	return q
}
