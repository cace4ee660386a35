package abtest

import (
	"math"
	"time"
)

// Report is everything that an experiment knows, at one moment.
type Report struct {
	Decision    Decision
	Arms        []ArmReport
	Differences []Difference // of each pair of arms
}

// ArmReport is one arm's.
type ArmReport struct {
	Name      string
	Weight    float64
	Losses    int
	Loss      float64 // the mean, NaN without any
	Deviation float64 // the standard deviation, NaN below two
	Clipped   int     // losses that were outside the limits
	Latencies int
	// Latency is the Guardrail's quantile as seen, and the limits that hold for all numbers of samples at once, High the
	// largest Duration while there is none. All are 0 without a Guardrail.
	Latency, Low, High time.Duration
}

// Difference is the mean loss of arm B less that of arm A: above 0 where A is the better one.
type Difference struct {
	A, B int
	// Low and High hold the difference for all numbers of samples at once, with probability 1 − 2·Alpha/arms for each pair:
	// A wins, where nothing else keeps it, when each of its differences is above 0. They stand still once there is a decision.
	Low, High float64
}

// Report returns what is known now. It allocates, and holds up Record meanwhile.
func (e *Experiment) Report() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := Report{Decision: Decision{State: Running, Winner: noWinner, Samples: e.total}}
	if decision := e.decided.Load(); decision != nil {
		r.Decision = *decision
	}
	arms := e.split.Load().arms
	for a := range e.arms {
		r.Arms = append(r.Arms, e.armReport(arms[a], &e.arms[a]))
		for b := a + 1; b < len(e.arms); b++ {
			pair, _ := e.pair(a, b)
			low, high := pair.interval(&e.better)
			width := e.config.LossMax - e.config.LossMin
			r.Differences = append(r.Differences, Difference{A: a, B: b, Low: low * width, High: high * width})
		}
	}
	return r
}

func (e *Experiment) armReport(arm Arm, t *tally) ArmReport {
	r := ArmReport{
		Name: arm.Name, Weight: arm.Weight, Losses: t.losses, Clipped: t.clipped, Latencies: int(t.latencies.samples),
		Loss: math.NaN(), Deviation: math.NaN(),
	}
	if t.losses > 0 {
		r.Loss = t.mean
	}
	if t.losses > 1 {
		r.Deviation = math.Sqrt(t.squares / float64(t.losses-1))
	}
	if e.config.Latency != nil {
		r.Latency, r.Low, r.High = duration(e.slow.estimate(&t.latencies)), duration(e.slow.low(&t.latencies)), duration(e.slow.high(&t.latencies))
	}
	return r
}

func duration(ns float64) time.Duration {
	if math.IsInf(ns, 1) {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
