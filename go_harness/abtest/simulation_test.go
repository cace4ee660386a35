package abtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// shape draws a loss within [0, 1]; effect is by which share the arm is better.
type shape struct {
	name string
	draw func(rng *rand.Rand, effect float64) float64
}

var (
	// errors20 are 20 % wrong predictions.
	errors20 = shape{"error rate 0.20", bernoulli(0.20)}
	rare     = shape{"error rate 0.02", bernoulli(0.02)}
	// tailed are relative errors with a heavy tail (Pareto, index 1.5: infinite variance) that is cut at the limit.
	tailed = shape{"heavy tail, cut at 1", func(rng *rand.Rand, effect float64) float64 {
		return (1 - effect) * min(1, 0.05*math.Pow(1-rng.Float64(), -1/1.5))
	}}
	// even are errors that are all alike: the range is wide for them.
	even = shape{"0.10 ± 0.03", func(rng *rand.Rand, effect float64) float64 {
		return (1 - effect) * min(1, max(0, 0.10+0.03*rng.NormFloat64()))
	}}
)

func bernoulli(rate float64) func(*rand.Rand, float64) float64 {
	return func(rng *rand.Rand, effect float64) float64 {
		if rng.Float64() < rate*(1-effect) {
			return 1
		}
		return 0
	}
}

func started(t testing.TB, config Config) *Experiment {
	t.Helper()
	if config.Arms == nil {
		config.Arms = []Arm{{"old", 1}, {"new", 1}}
	}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func recorded(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run records up to samples losses, each for an arm drawn by the weights, and looks after every one of them. The new arm is
// better by effect.
func run(t testing.TB, rng *rand.Rand, s shape, effect float64, config Config, samples int) Decision {
	t.Helper()
	e := started(t, config)
	share := e.config.Arms[0].Weight / (e.config.Arms[0].Weight + e.config.Arms[1].Weight)
	for range samples {
		arm, better := 0, 0.0
		if rng.Float64() >= share {
			arm, better = 1, effect
		}
		recorded(t, e.Record(arm, s.draw(rng, better)))
		if decision := e.Decision(); decision.State != Running {
			return decision
		}
	}
	return e.Decision()
}

// share returns which share of n simulations has the property.
func share(n int, has func(rng *rand.Rand) bool) float64 {
	count := 0
	for i := range n {
		if has(rand.New(rand.NewPCG(20, uint64(i)))) {
			count++
		}
	}
	return float64(count) / float64(n)
}
