package service

import (
	"log/slog"
	"time"
)

// What a Config that leaves a field out means.
const (
	// DefaultInterval is between two predictions.
	DefaultInterval = time.Minute
	// DefaultSamples is a week of one a minute.
	DefaultSamples = 7 * 24 * 60
	// DefaultRetrainInterval is how old a model may be.
	DefaultRetrainInterval = 24 * time.Hour
	// DefaultMinAccuracy is the owners' target.
	DefaultMinAccuracy = 0.85
	// DefaultMinScored keeps a few bad predictions from being an accuracy.
	DefaultMinScored = 100
	// DefaultAccuracyWindow is how many predictions the accuracy is of.
	DefaultAccuracyWindow = 500
	// DefaultMinSamples keeps a model from being trained with next to nothing.
	DefaultMinSamples = 1000
	// DefaultRetryAfter is the wait behind a first retraining that failed.
	DefaultRetryAfter = time.Minute
	// DefaultTolerance, relative, has a prediction be right within 15 %.
	DefaultTolerance = 0.15
)

// maxRetryDoublings bounds the wait between retrainings that fail: 64 times the first.
const maxRetryDoublings = 6

// Config is how a Service works. The zero value of a field is its default.
type Config struct {
	Interval time.Duration // between two predictions; DefaultInterval
	Horizon  time.Duration // from a window's last sample to the time that is predicted; Interval
	Validity time.Duration // how long after its time a prediction may be used; twice the Interval
	Timeout  time.Duration // of one prediction, its time in the queue included; Interval
	Samples  int           // how many the collector keeps; DefaultSamples

	Tolerances     map[string]Tolerance // by target; DefaultTolerance, relative
	AccuracyWindow int                  // predictions; DefaultAccuracyWindow

	Retrain         RetrainFunc   // nil: never
	RetrainInterval time.Duration // DefaultRetrainInterval
	MinAccuracy     float64       // below it the model is retrained; DefaultMinAccuracy
	MinScored       int           // predictions compared before that; DefaultMinScored
	MinSamples      int           // collected before that, unless somebody asks; DefaultMinSamples, or Samples where that is less
	RetryAfter      time.Duration // behind the first failure, doubled for each further one; DefaultRetryAfter

	// Link names the targets that OptimalStreamCount and OptimalBufferSize use; DefaultLinkTargets.
	Link   LinkTargets
	Limits LinkLimits // DefaultLinkLimits

	Observer Observer     // nil: none
	Logger   *slog.Logger // nil: nothing is said
}

// LinkTargets are the names of a link's quantities among a model's targets, in the units of Link. PacketLoss and JitterMs may
// be of no target: they count as 0.
type LinkTargets struct {
	BandwidthMbps string
	LatencyMs     string
	PacketLoss    string
	JitterMs      string
}

// DefaultLinkTargets are the names that the reference bandwidth predictor gives its outputs.
func DefaultLinkTargets() LinkTargets {
	return LinkTargets{BandwidthMbps: "bandwidth", LatencyMs: "latency", PacketLoss: "packet_loss", JitterMs: "jitter"}
}

// Observer is told what a Service knows of its model; metrics.Metrics is one. Its methods are called by the service's own
// goroutines, and must return soon.
type Observer interface {
	Accuracy(model, version string, ratio float64)
	Confidence(model, version string, ratio float64)
	Retrained(model string, err error)
}

type unobserved struct{}

func (unobserved) Accuracy(_, _ string, _ float64)   {}
func (unobserved) Confidence(_, _ string, _ float64) {}
func (unobserved) Retrained(_ string, _ error)       {}

// orDefault returns value, or what stands for a zero one.
func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// whole returns the config with its defaults, or a *ConfigError.
func (c Config) whole(targets []string) (Config, error) {
	c.Interval = orDefault(c.Interval, DefaultInterval)
	c.Horizon = orDefault(c.Horizon, c.Interval)
	c.Validity = orDefault(c.Validity, 2*c.Interval)
	c.Timeout = orDefault(c.Timeout, c.Interval)
	c.Samples = orDefault(c.Samples, DefaultSamples)
	c.AccuracyWindow = orDefault(c.AccuracyWindow, DefaultAccuracyWindow)
	c.RetrainInterval = orDefault(c.RetrainInterval, DefaultRetrainInterval)
	c.MinAccuracy = orDefault(c.MinAccuracy, DefaultMinAccuracy)
	c.MinScored = orDefault(c.MinScored, DefaultMinScored)
	c.MinSamples = orDefault(c.MinSamples, min(DefaultMinSamples, c.Samples))
	c.RetryAfter = orDefault(c.RetryAfter, DefaultRetryAfter)
	c.Link = orDefault(c.Link, DefaultLinkTargets())
	c.Limits = orDefault(c.Limits, DefaultLinkLimits())
	c.Logger = orDefault(c.Logger, slog.New(slog.DiscardHandler))
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	return c, c.check(targets)
}

func (c *Config) check(targets []string) error {
	for _, each := range []struct { // in this order: some are made of the Interval
		field string
		value time.Duration
	}{
		{"Interval", c.Interval}, {"Horizon", c.Horizon}, {"Validity", c.Validity}, {"Timeout", c.Timeout},
		{"RetrainInterval", c.RetrainInterval}, {"RetryAfter", c.RetryAfter},
	} {
		if each.value < 0 {
			return &ConfigError{Field: each.field, Found: each.value, Expected: "more than 0"}
		}
	}
	switch {
	case c.AccuracyWindow < 0 || c.MinScored < 0 || c.MinScored > c.AccuracyWindow:
		return &ConfigError{Field: "MinScored", Found: c.MinScored, Expected: "between 1 and the AccuracyWindow"}
	case c.MinSamples < 0 || c.MinSamples > c.Samples:
		return &ConfigError{Field: "MinSamples", Found: c.MinSamples, Expected: "between 1 and the Samples that are kept"}
	case !(c.MinAccuracy > 0 && c.MinAccuracy <= 1):
		return &ConfigError{Field: "MinAccuracy", Found: c.MinAccuracy, Expected: "above 0 and at most 1"}
	case c.Limits.MinStreams < 1 || c.Limits.MaxStreams < c.Limits.MinStreams || c.Limits.MinBuffer < 1 || c.Limits.MaxBuffer < c.Limits.MinBuffer:
		return &ConfigError{Field: "Limits", Found: c.Limits, Expected: "at least 1, and no maximum below its minimum"}
	}
	known := map[string]bool{}
	for _, target := range targets {
		known[target] = true
	}
	for target := range c.Tolerances {
		if !known[target] {
			return &ConfigError{Field: "Tolerances", Found: target, Expected: "one of the model's targets"}
		}
	}
	return nil
}
