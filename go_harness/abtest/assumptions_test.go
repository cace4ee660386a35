package abtest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// stream is a source of losses, each for the arm that is asked for. There is no difference between the arms to be found.
type stream func(rng *rand.Rand) func(arm int) float64

// winnersOf returns in which share of n experiments an arm won.
func (s stream) winnersOf(t testing.TB, n, samples, block int) float64 {
	return share(n, func(rng *rand.Rand) bool {
		e, next := started(t, Config{MaxSamples: samples, Block: block}), s(rng)
		for range samples {
			arm := rng.IntN(2)
			recorded(t, e.Record(arm, next(arm)))
			if decision := e.Decision(); decision.State != Running {
				return decision.State == Won
			}
		}
		return false
	})
}

// busy is an error rate that both arms have and that moves, from 5 to 45 % and back in a thousand losses.
func busy(rng *rand.Rand) func(int) float64 {
	i := 0
	return func(int) float64 {
		i++
		return bernoulli(0.25+0.2*math.Sin(2*math.Pi*float64(i)/1000))(rng, 0)
	}
}

func TestADriftOfBothArmsMakesNoWinner(t *testing.T) {
	t.Parallel()
	if wins := stream(busy).winnersOf(t, 300, 5000, DefaultBlock); wins > 0.05 {
		t.Errorf("%.1f %% of the experiments had a winner", 100*wins)
	}
}

// alike is losses of one arm that follow each other and are alike: neighbours have a correlation of 0.9.
func alike(rng *rand.Rand) func(int) float64 {
	var state [2]float64
	return func(arm int) float64 {
		state[arm] = 0.9*state[arm] + math.Sqrt(1-0.81)*rng.NormFloat64()
		return min(1, max(0, 0.5+0.15*state[arm]))
	}
}

// longBlock is ten times as long as the runs in alike, which are 1/(1−0.9) long.
const longBlock = 100

func TestLossesThatAreAlikeNeedBlocksThatAreLonger(t *testing.T) {
	t.Parallel()
	short, long := stream(alike).winnersOf(t, 100, 5000, DefaultBlock), stream(alike).winnersOf(t, 100, 5000, longBlock)
	if short < 0.1 || long > 0.05 {
		t.Errorf("%.0f %% had a winner in short blocks, %.0f %% in long ones; the package's assumptions say otherwise", 100*short, 100*long)
	}
}

// fewKeys returns in which share of n experiments an arm won on 20 keys that differ among themselves. Each is either assigned
// to an arm, or both arms are asked for it.
func fewKeys(t testing.TB, n, samples int, both bool) float64 {
	return share(n, func(rng *rand.Rand) bool {
		e := started(t, Config{MaxSamples: samples})
		rates := make([]float64, 20)
		for i := range rates {
			rates[i] = 0.4 * rng.Float64()
		}
		for range samples / 2 {
			first, second := rng.IntN(10), 10+rng.IntN(10)
			if both {
				second = first
			}
			recorded(t, e.Record(0, bernoulli(rates[first])(rng, 0)))
			recorded(t, e.Record(1, bernoulli(rates[second])(rng, 0)))
			if decision := e.Decision(); decision.State != Running {
				return decision.State == Won
			}
		}
		return false
	})
}

func TestFewStickyKeysNeedBothArmsAsked(t *testing.T) {
	t.Parallel()
	if sticky, both := fewKeys(t, 100, 5000, false), fewKeys(t, 100, 5000, true); sticky < 0.3 || both > 0.05 {
		t.Errorf("%.0f %% had a winner with sticky keys, %.0f %% with both asked; the package's assumptions say otherwise", 100*sticky, 100*both)
	}
}
