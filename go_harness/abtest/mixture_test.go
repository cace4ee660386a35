package abtest

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheInequalityBehindTheTestHolds(t *testing.T) {
	for lambda := 0.0; lambda < 0.999; lambda += 0.003 {
		for x := -1.0; x <= 1; x += 0.01 {
			if left, right := math.Exp(lambda*x-x*x*psi(lambda)), 1+lambda*x; left > right+1e-12 {
				t.Fatalf("λ %.3f, d %.2f: %v > %v", lambda, x, left, right)
			}
		}
	}
}

func TestTheInequalityIsAsTightAsItCanBe(t *testing.T) {
	if x, lambda := -1.0, 0.5; math.Exp(lambda*x-x*x*0.99*psi(lambda)) <= 1+lambda*x {
		t.Error("it would hold with a smaller ψ: the test above tells nothing")
	}
}

func TestTheBoundIsWhereTheMixtureReachesItsLevel(t *testing.T) {
	for _, m := range []mixture{newDifferenceMixture(0.025, 1_000_000, 2), newDifferenceMixture(0.4, 200, 50), newQuantile(0.99, 1e-6, 1e5).above} {
		last := 0.0
		for v := 0.01; v < 1e9; v *= 3 {
			u := m.bound(v)
			if value, _ := m.logAt(u, v); math.Abs(value-m.log) > 1e-9*math.Max(1, m.cost[0]*v) || u <= last {
				t.Errorf("v %v: ln M is %v at %v, want %v", v, value, u, m.log)
			}
			if m.reached(u*(1-1e-6), v) || !m.reached(u*(1+1e-6), v) || m.reached(-u, v) {
				t.Errorf("v %v: not told apart at %v", v, u)
			}
			last = u
		}
	}
}

func TestAMixtureCanBeSummedFarBeyondWhatExpCan(t *testing.T) {
	m := newDifferenceMixture(0.025, 1_000_000, 2)
	if value, _ := m.logAt(1e7, 1e6); math.IsInf(value, 0) || math.IsNaN(value) {
		t.Errorf("got %v", value)
	}
}

// The confidence sequence must hold the difference at every look at once.
func TestTheIntervalHoldsTheDifference(t *testing.T) {
	m := newDifferenceMixture(0.025, 2000, DefaultBlock)
	missed := func(narrowed float64) float64 {
		return share(500, func(rng *rand.Rand) bool {
			var d difference
			for range 2000 {
				side := rng.IntN(2)
				if !d.add(side, bernoulli(0.2+0.1*float64(side))(rng, 0), DefaultBlock) {
					continue
				}
				low, high := d.interval(&m)
				if middle, half := (low+high)/2, narrowed*(high-low)/2; math.Abs(0.1-middle) > half {
					return true
				}
			}
			return false
		})
	}
	if whole, half := missed(1), missed(0.5); whole > 0.05 || half < 0.1 {
		t.Errorf("missed it in %.1f %% of the experiments, %.1f %% when half as wide", 100*whole, 100*half)
	}
}
