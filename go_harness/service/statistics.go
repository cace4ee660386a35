package service

import "math"

// Statistics are one channel's over the samples that a Collector holds. Values that are not finite are only counted as Missing;
// where no other is left, the rest is NaN.
type Statistics struct {
	Channel string
	Count   int // finite values
	Missing int
	Mean    float64
	StdDev  float64 // of the sample, by Count−1: NaN for a single value
	Min     float64
	Max     float64
}

// Statistics returns every channel's, in order.
func (c *Collector) Statistics() []Statistics {
	_, values := c.snapshot()
	all := make([]Statistics, len(c.channels))
	for i, channel := range c.channels {
		all[i] = statisticsOf(values[min(i, len(values)):], len(c.channels))
		all[i].Channel = channel
	}
	return all
}

// statisticsOf takes every stride-th value. Welford's way: the plain sum of squares would lose the digits of values that lie far
// from 0 and close to each other.
func statisticsOf(values []float32, stride int) Statistics {
	s := Statistics{Mean: math.NaN(), StdDev: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	var mean, squares float64
	for i := 0; i < len(values); i += stride {
		x := float64(values[i])
		if math.IsNaN(x) || math.IsInf(x, 0) {
			s.Missing++
			continue
		}
		if s.Count++; s.Count == 1 {
			s.Min, s.Max = x, x
		}
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
		delta := x - mean
		mean += delta / float64(s.Count)
		squares += delta * (x - mean)
		s.Mean = mean
	}
	if s.Count > 1 {
		s.StdDev = math.Sqrt(squares / float64(s.Count-1))
	}
	return s
}
