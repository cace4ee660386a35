package abtest

// State is where an experiment is.
type State int

// The states. An experiment that has left Running does not come back.
const (
	Running State = iota
	Won           // an arm is better than each other, and not slower than allowed
	Stopped       // MaxSamples are spent, or what is left of them can show no winner
)

// String returns running, won or stopped.
func (s State) String() string { return [...]string{"running", "won", "stopped"}[s] }

// Decision is what the experiment knows.
type Decision struct {
	State   State
	Winner  int // the arm that won, or -1
	Samples int // losses of all arms until then
}

// noWinner is a Decision's Winner where there is none.
const noWinner = -1

// stopEvery is how often an experiment asks whether it can still end with a winner, in blocks: it may be late by so much.
const stopEvery = 16

// Decision returns the decision, or that there is none yet.
func (e *Experiment) Decision() Decision {
	if decision := e.decided.Load(); decision != nil {
		return *decision
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if decision := e.decided.Load(); decision != nil { // meanwhile
		return *decision
	}
	return Decision{State: Running, Winner: noWinner, Samples: e.total}
}

// compare takes a loss within [0, 1] of an arm, and decides if that can be done.
func (e *Experiment) compare(arm int, loss float64) {
	ended, blocks := false, 0
	for other := range e.arms {
		if other == arm {
			continue
		}
		pair, side := e.pair(arm, other)
		if pair.add(side, loss, e.config.Block) {
			ended, blocks = true, pair.blocks
		}
	}
	if ended {
		e.nameWinner()
	}
	if e.decided.Load() != nil {
		return
	}
	if e.total >= e.config.MaxSamples || ended && blocks%stopEvery == 0 && !e.open() {
		e.decide(Stopped, noWinner)
	}
}

// pair returns the comparison of two arms, and which side of it a is.
func (e *Experiment) pair(a, b int) (pair *difference, side int) {
	if a < b {
		return &e.pairs[a][b-a-1], 0
	}
	return &e.pairs[b][a-b-1], 1
}

func (e *Experiment) decide(state State, winner int) {
	e.decided.Store(&Decision{State: state, Winner: winner, Samples: e.total})
}

func (e *Experiment) nameWinner() {
	for a := range e.arms {
		if e.arms[a].losses < e.config.MinSamples {
			return
		}
	}
	for a := range e.arms {
		if e.all(a, e.isBetter) && e.all(a, e.isNotSlower) {
			e.decide(Won, a)
			return
		}
	}
}

// all reports whether holds is true of a and each other arm.
func (e *Experiment) all(a int, holds func(a, b int) bool) bool {
	for b := range e.arms {
		if b != a && !holds(a, b) {
			return false
		}
	}
	return true
}

func (e *Experiment) isBetter(a, b int) bool {
	pair, side := e.pair(a, b)
	return e.better.reached(pair.oriented(side), pair.v)
}

func (e *Experiment) isNotSlower(a, b int) bool {
	if e.config.Latency == nil {
		return true
	}
	return e.slow.high(&e.arms[a].latencies) <= e.config.Latency.Limit*e.slow.low(&e.arms[b].latencies)
}

// open reports whether an arm can still win. An answer of no ends the experiment without a winner, so it may be a guess; it
// does not make false winners.
func (e *Experiment) open() bool {
	for a := range e.arms {
		if e.all(a, e.mayWin) {
			return true
		}
	}
	return false
}

func (e *Experiment) mayWin(a, b int) bool {
	pair, side := e.pair(a, b)
	if pair.blocks < stopEvery {
		return true
	}
	times := float64(e.config.MaxSamples) / float64(e.total)
	return pair.reachable(side, &e.better, times) && !e.isSlower(a, b)
}

func (e *Experiment) isSlower(a, b int) bool {
	if e.config.Latency == nil {
		return false
	}
	return e.slow.low(&e.arms[a].latencies) > e.config.Latency.Limit*e.slow.high(&e.arms[b].latencies)
}
