package abtest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Simulations of each case, and losses in each: every one is followed by a look.
const (
	simulations = 1000
	looks       = 2000
)

func TestNoArmWinsByPeekingWhereThereIsNoDifference(t *testing.T) {
	for name, c := range map[string]struct {
		shape  shape
		config Config
	}{
		"errors":             {errors20, Config{MaxSamples: looks}},
		"errors, no horizon": {errors20, Config{MinSamples: 1}},
		"errors, 9 to 1":     {errors20, Config{MaxSamples: looks, Arms: []Arm{{"old", 9}, {"new", 1}}}},
		"heavy tail":         {tailed, Config{MaxSamples: looks}},
		"rare errors":        {rare, Config{MaxSamples: looks, MinSamples: 1, Block: 1}},
		"narrow":             {even, Config{MaxSamples: looks, LossMax: 0.25}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wins := share(simulations, func(rng *rand.Rand) bool { return run(t, rng, c.shape, 0, c.config, looks).State == Won })
			t.Logf("%.1f %% of %d experiments had a winner", 100*wins, simulations)
			if wins > 0.05 {
				t.Error("that is more than Alpha")
			}
		})
	}
}

func TestTheSimulationTellsATestThatIsTooBold(t *testing.T) {
	bold := Config{Alpha: 0.9, MaxSamples: looks, MinSamples: 1}
	if wins := share(200, func(rng *rand.Rand) bool { return run(t, rng, errors20, 0, bold, looks).State == Won }); wins < 0.1 {
		t.Errorf("%.1f %% of the experiments had a winner: the other simulations prove nothing", 100*wins)
	}
}

// studentised is what a look at a t-test after every loss is: the way that experiments go wrong.
type studentised [2]tally

func (s *studentised) significant() bool {
	a, b := &s[0], &s[1]
	if min(a.losses, b.losses) < DefaultMinSamples {
		return false
	}
	variance := a.squares/float64(a.losses-1)/float64(a.losses) + b.squares/float64(b.losses-1)/float64(b.losses)
	return math.Abs(a.mean-b.mean) > 1.96*math.Sqrt(variance)
}

func peeked(rng *rand.Rand, s shape, samples int) bool {
	var arms studentised
	for range samples {
		arms[rng.IntN(2)].add(s.draw(rng, 0), false)
		if arms.significant() {
			return true
		}
	}
	return false
}

func TestATTestNamesWinnersByPeeking(t *testing.T) {
	for _, s := range []shape{errors20, tailed} {
		wins := share(200, func(rng *rand.Rand) bool { return peeked(rng, s, looks) })
		if wins < 0.15 {
			t.Errorf("%s: %.1f %%: the simulation does not show what peeking does", s.name, 100*wins)
		}
	}
}

func TestFindsTheArmThatIsBetter(t *testing.T) {
	for name, c := range map[string]struct {
		shape  shape
		effect float64
		config Config
	}{
		"a quarter fewer errors":      {errors20, 0.25, Config{MaxSamples: 20_000}},
		"5 % less, narrow":            {even, 0.05, Config{MaxSamples: 20_000, LossMax: 0.25}},
		"5 % less, by default":        {even, 0.05, Config{}},
		"a quarter less, 9 to 1":      {errors20, 0.25, Config{MaxSamples: 50_000, Arms: []Arm{{"old", 9}, {"new", 1}}}},
		"half as much, heavy tail":    {tailed, 0.5, Config{MaxSamples: 5000}},
		"a quarter worse, not better": {errors20, -0.25, Config{MaxSamples: 20_000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := 1
			if c.effect < 0 {
				want = 0
			}
			wins := share(50, func(rng *rand.Rand) bool {
				return run(t, rng, c.shape, c.effect, c.config, 50_000).Winner == want
			})
			if wins < 0.9 {
				t.Errorf("%.0f %% of the experiments found it", 100*wins)
			}
		})
	}
}
