package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// How a prediction ended.
const (
	ok        = iota
	cancelled // the caller's context was done
	invalid   // the caller gave slices of other lengths
	failed
)

var outcomes = [...]string{ok: "ok", cancelled: "cancelled", invalid: "invalid", failed: "failed"}

func outcomeOf(err error) int {
	if err == nil {
		return ok // before length is declared: it is on the heap
	}
	var length *predictor.LengthError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return cancelled
	case errors.As(err, &length):
		return invalid
	default:
		return failed
	}
}

// version counts the predictions of one version. Its series were looked up when it was made: a lookup for each prediction would
// cost more than all the counting.
type version struct {
	loaded   int // guarded by Metrics.mu
	outcomes [len(outcomes)]series
	owners   *series // nil unless they are of this model
}

// series are what one prediction is counted in.
type series struct {
	latency prometheus.Observer
	rows    prometheus.Counter
}

func (c *collectors) version(k key, owners bool) *version {
	v := &version{}
	for i, outcome := range outcomes {
		v.outcomes[i] = series{c.latency.WithLabelValues(k.model, k.version, outcome), c.predictions.WithLabelValues(k.model, k.version, outcome)}
	}
	if owners {
		v.owners = &series{c.owners.latency.WithLabelValues(), c.owners.predictions.WithLabelValues()}
	}
	return v
}

// delete deletes every series of the version.
func (c *collectors) delete(k key) {
	for _, outcome := range outcomes {
		c.latency.DeleteLabelValues(k.model, k.version, outcome)
		c.predictions.DeleteLabelValues(k.model, k.version, outcome)
	}
	c.accuracy.DeleteLabelValues(k.model, k.version)
	c.confidence.DeleteLabelValues(k.model, k.version)
	c.serving.DeleteLabelValues(k.model, k.version)
}

// Predicted counts one prediction. It allocates nothing, but for the first one in a native bucket.
func (v *version) Predicted(took time.Duration, rows int, err error) {
	outcome := outcomeOf(err)
	s := &v.outcomes[outcome]
	s.latency.Observe(took.Seconds())
	s.rows.Add(float64(rows))
	if v.owners != nil && outcome == ok {
		v.owners.latency.Observe(float64(took) / float64(time.Millisecond))
		v.owners.rows.Add(float64(rows))
	}
}
