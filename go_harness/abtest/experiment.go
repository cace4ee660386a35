// Package abtest compares models or versions on live traffic: a Split gives each key an arm and keeps it there, an Experiment
// takes what each arm's predictions cost and took, and names a winner by a test that may be looked at after every observation.
//
// # What is promised
//
// With two arms or more, whatever the number of looks and the moment of the last:
//
//   - an arm wins that is not better than each other with probability at most Alpha;
//   - an arm wins that is slower than the Guardrail allows with probability at most Alpha.
//
// Both hold for any number of samples, not only for many: see difference.go and latency.go for the formulas and their sources.
// How many samples it takes to find a difference is in docs/abtest.md.
//
// # What is assumed
//
//   - Losses within LossMin and LossMax; what is outside counts as the limit.
//   - Given the past, a block of losses (Config.Block of each arm) has the means that the arms have at that time. Losses that
//     are independent given the arm are so, also where both arms drift. Losses of one arm that follow each other and are alike
//     are not: a block must be much longer than such a run.
//   - Which arm a loss is recorded for does not depend on the loss.
//   - Keys are many. A sticky assignment compares the keys of one arm with the keys of the other: 20 nodes that differ among
//     themselves make two arms that differ, for good. With few keys, ask both arms for each window and record both losses, one
//     after the other; what a window has in common then cancels, and far fewer samples are needed.
//   - Latencies of an arm are independent and of one distribution.
//
// docs/abtest.md shows what happens where these do not hold.
package abtest

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Experiment is two arms or more, and what is known about them. Its memory does not grow with the samples. Any number of
// goroutines may use it. It comes from New.
type Experiment struct {
	config  Config
	split   atomic.Pointer[Split]
	decided atomic.Pointer[Decision] // nil while it runs

	better mixture
	slow   quantile

	mu    sync.Mutex // of what follows
	arms  []tally
	pairs [][]difference // pairs[a][b-a-1] compares arm a with a later arm b
	total int            // losses of all arms
}

// tally is what is known of one arm by itself. Losses are as they were recorded, clipped.
type tally struct {
	losses    int
	mean      float64
	squares   float64 // Σ (loss − mean)²
	clipped   int
	latencies latencies
}

// New starts an experiment. It fails with a *ConfigError.
func New(config Config) (*Experiment, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	split, err := NewSplit(c.Salt, c.Arms...)
	if err != nil {
		return nil, err
	}
	c.Arms = split.arms
	arms := len(c.Arms)
	e := &Experiment{config: c, arms: make([]tally, arms), pairs: make([][]difference, arms)}
	for a := range e.pairs {
		e.pairs[a] = make([]difference, arms-a-1)
	}
	// An arm that wins falsely has one arm that it is not better than: one comparison for each arm can go wrong.
	e.better = newDifferenceMixture(c.Alpha/float64(arms), c.MaxSamples, c.Block)
	if c.Latency != nil {
		// Likewise, in two ways: its own quantile is above what it seems, or the other's below.
		e.slow = newQuantile(c.Latency.Quantile, c.Alpha/float64(2*arms), c.MaxSamples)
	}
	e.split.Store(split)
	return e, nil
}

// Assign returns the index of the key's arm, or of the winner if it is promoted. It allocates nothing and takes no lock.
func (e *Experiment) Assign(key string) int {
	if winner, ok := e.promoted(); ok {
		return winner
	}
	return e.split.Load().Assign(key)
}

// AssignBytes does the same for the bytes of a key.
func (e *Experiment) AssignBytes(key []byte) int {
	if winner, ok := e.promoted(); ok {
		return winner
	}
	return e.split.Load().AssignBytes(key)
}

func (e *Experiment) promoted() (winner int, ok bool) {
	decision := e.decided.Load()
	if !e.config.Promote || decision == nil || decision.State != Won {
		return 0, false
	}
	return decision.Winner, true
}

// SetWeights changes the arms' shares of the traffic; only the keys move that must. The comparison goes on. A change must not
// be made because of how the losses look: stop for that, or let the experiment.
func (e *Experiment) SetWeights(weights ...float64) error {
	if len(weights) != len(e.config.Arms) {
		return wrong("the number of weights", len(weights), "one for each arm")
	}
	arms := append([]Arm(nil), e.config.Arms...)
	for i, weight := range weights {
		arms[i].Weight = weight
	}
	split, err := NewSplit(e.config.Salt, arms...)
	if err != nil {
		return err
	}
	e.split.Store(split)
	return nil
}

// Record takes the loss of one prediction of an arm: the less the better. It fails with ErrNotANumber and an *ArmError, and
// then nothing is recorded. It allocates nothing, but for the decision once it falls.
func (e *Experiment) Record(arm int, loss float64) error {
	if err := e.checkArm(arm); err != nil {
		return err
	}
	if math.IsNaN(loss) {
		return ErrNotANumber
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	clipped := min(max(loss, e.config.LossMin), e.config.LossMax)
	e.arms[arm].add(clipped, clipped != loss)
	e.total++
	if e.decided.Load() == nil {
		e.compare(arm, (clipped-e.config.LossMin)/(e.config.LossMax-e.config.LossMin))
	}
	return nil
}

// RecordSuccess records LossMin for a success and LossMax for a failure.
func (e *Experiment) RecordSuccess(arm int, success bool) error {
	if success {
		return e.Record(arm, e.config.LossMin)
	}
	return e.Record(arm, e.config.LossMax)
}

// RecordLatency takes how long one prediction of an arm took. It fails with a *LatencyError below zero and an *ArmError, and
// then nothing is recorded. It allocates nothing. A decision that waits for latencies falls with the next loss.
func (e *Experiment) RecordLatency(arm int, latency time.Duration) error {
	if err := e.checkArm(arm); err != nil {
		return err
	}
	if latency < 0 {
		return &LatencyError{Latency: latency}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arms[arm].latencies.add(latency)
	return nil
}

func (e *Experiment) checkArm(arm int) error {
	if arm < 0 || arm >= len(e.config.Arms) {
		return &ArmError{Arm: arm, Arms: len(e.config.Arms)}
	}
	return nil
}

// add is Welford's update.
func (t *tally) add(loss float64, clipped bool) {
	t.losses++
	d := loss - t.mean
	t.mean += d / float64(t.losses)
	t.squares += float64(d * (loss - t.mean))
	if clipped {
		t.clipped++
	}
}
