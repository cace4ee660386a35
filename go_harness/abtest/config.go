package abtest

import (
	"fmt"
	"math"
)

// maxArms bounds the comparisons, one for each pair.
const maxArms = 16

// Defaults of a Config.
const (
	DefaultAlpha      = 0.05
	DefaultMinSamples = 100
	DefaultMaxSamples = 1_000_000
	// DefaultBlock is where the two costs of a block are least: what the arm with more losses in it does not count for, and how
	// much its mean could have been off, however little it is.
	DefaultBlock = 2
)

// Config is an experiment. Salt and Arms are needed; 0 elsewhere is the default.
type Config struct {
	Salt string // which assignment: another one for each experiment
	Arms []Arm  // at least two

	// LossMin and LossMax are what losses are clipped to, by default 0 and 1. The difference that is tested is that of the
	// clipped losses. A range much wider than the losses costs samples, in proportion.
	LossMin, LossMax float64
	// Alpha is the probability that an arm wins that is not better, however often one looks, by default 0.05; and again that
	// of an arm that is slower than Latency allows.
	Alpha float64
	// MinSamples is how many losses each arm has before any wins, by default 100.
	MinSamples int
	// MaxSamples is the losses of all arms together after which the experiment stops, by default 1,000,000. It also says which
	// differences are looked for: those that show within so many.
	MaxSamples int
	// Block is how many losses of each arm make one comparison, by default 2. Where losses that follow each other in an arm
	// are alike, it must be much larger than the number of those that are: see the package's assumptions.
	Block int
	// Latency keeps an arm from winning that is slower; without it latencies are only reported.
	Latency *Guardrail
	// Promote has Assign return the winner for every key once there is one.
	Promote bool
}

// Guardrail lets an arm win only when it is proven, at all numbers of samples at once, that
//
//	its Quantile of latency ≤ Limit × that of every other arm
//
// By default the median, which is between the 0.44- and the 0.56-quantile seen after 1,000 latencies of an arm. A tail needs more: that the
// 0.99-quantile is not the longest latency takes 1,000.
type Guardrail struct {
	Quantile float64 // above 0 and below 1, by default 0.5
	Limit    float64 // at least 1.05, as latencies are kept to 1.6 %: 1.2 is a fifth slower
}

const minLimit = 1.05

// withDefaults returns c complete, or says what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if len(c.Arms) < 2 {
		return c, wrong("the number of arms", len(c.Arms), fmt.Sprintf("2 to %d", maxArms))
	}
	if c.LossMin == 0 && c.LossMax == 0 {
		c.LossMax = 1
	}
	c.Alpha = or(c.Alpha, DefaultAlpha)
	c.MinSamples, c.MaxSamples, c.Block = or(c.MinSamples, DefaultMinSamples), or(c.MaxSamples, DefaultMaxSamples), or(c.Block, DefaultBlock)
	if width := c.LossMax - c.LossMin; !(width > 0) || math.IsInf(width, 1) {
		return c, wrong("LossMin to LossMax", fmt.Sprintf("%v to %v", c.LossMin, c.LossMax), "a finite range from the smaller to the larger")
	}
	if !(c.Alpha > 0 && c.Alpha < 1) {
		return c, wrong("Alpha", c.Alpha, "a probability above 0 and below 1")
	}
	if c.MinSamples < 1 || c.Block < 1 {
		return c, wrong("MinSamples or Block", min(c.MinSamples, c.Block), "at least 1")
	}
	if least := len(c.Arms) * max(c.MinSamples, c.Block); c.MaxSamples < least {
		return c, wrong("MaxSamples", c.MaxSamples, fmt.Sprintf("at least %d, for MinSamples and a block of each arm", least))
	}
	return c, c.checkLatency()
}

// checkLatency completes a copy: the caller's Guardrail stays as it is.
func (c *Config) checkLatency() error {
	if c.Latency == nil {
		return nil
	}
	g := *c.Latency
	g.Quantile = or(g.Quantile, 0.5)
	c.Latency = &g
	if !(g.Quantile > 0 && g.Quantile < 1) {
		return wrong("Latency.Quantile", g.Quantile, "one above 0 and below 1")
	}
	if !(g.Limit >= minLimit) || math.IsInf(g.Limit, 1) {
		return wrong("Latency.Limit", g.Limit, fmt.Sprintf("a finite ratio of at least %v", minLimit))
	}
	return nil
}

func or[N int | float64](value, otherwise N) N {
	if value == 0 {
		return otherwise
	}
	return value
}
