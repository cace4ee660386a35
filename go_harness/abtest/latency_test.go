package abtest

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drawnLatency is log-normal around the median, and one in a hundred takes a thousand times as long.
func drawnLatency(rng *rand.Rand, median time.Duration) time.Duration {
	latency := float64(median) * math.Exp(0.3*rng.NormFloat64())
	if rng.Float64() < 0.01 {
		latency *= 1000
	}
	return time.Duration(latency)
}

func TestTheQuantilesBoundsHoldAtEveryLook(t *testing.T) {
	draw := func(rng *rand.Rand) time.Duration { return time.Duration(1e6 * math.Exp(0.3*rng.NormFloat64())) }
	for q, truth := range map[float64]float64{0.5: 1e6, 0.99: 1e6 * math.Exp(0.3*2.3263)} {
		bounds := newQuantile(q, 0.025, 3000)
		missed := share(300, func(rng *rand.Rand) bool {
			var l latencies
			for i := range 3000 {
				l.add(draw(rng))
				if i%10 == 0 && (bounds.low(&l) > truth || bounds.high(&l) < truth) {
					return true
				}
			}
			return false
		})
		if missed > 0.05 {
			t.Errorf("quantile %v: missed in %.1f %%", q, 100*missed)
		}
	}
}

// The same look with the usual interval of a quantile, 1.96 standard deviations of a count: what the bounds are for.
func TestTheUsualIntervalOfAQuantileDoesNot(t *testing.T) {
	missed := share(300, func(rng *rand.Rand) bool {
		above := 0
		for n := 1; n <= 3000; n++ {
			above += rng.IntN(2)
			if n >= 100 && math.Abs(float64(above)-float64(n)/2) > 1.96*math.Sqrt(float64(n))/2 {
				return true
			}
		}
		return false
	})
	if missed < 0.15 {
		t.Errorf("missed in %.1f %%", 100*missed)
	}
}

func TestTheBoundsCloseInOnTheQuantile(t *testing.T) {
	rng, l, bounds := rand.New(rand.NewPCG(1, 1)), latencies{}, newQuantile(0.5, 0.0125, 100_000)
	if bounds.low(&l) != 0 || !math.IsInf(bounds.high(&l), 1) {
		t.Errorf("without samples: %v to %v", bounds.low(&l), bounds.high(&l))
	}
	for range 20_000 {
		l.add(drawnLatency(rng, time.Millisecond))
	}
	low, high, estimate := bounds.low(&l), bounds.high(&l), bounds.estimate(&l)
	if low > 1e6 || high < 1e6 || high/low > 1.06 || estimate < low || estimate > high {
		t.Errorf("%v in %v to %v after 20,000", estimate, low, high)
	}
}

// guarded is an experiment whose new arm has half the errors, and latencies around median; the old one's are around 1 ms.
func guarded(t testing.TB, rng *rand.Rand, median time.Duration, samples int) Decision {
	e := started(t, Config{MaxSamples: samples, Latency: &Guardrail{Limit: 1.2}})
	for range samples {
		arm := rng.IntN(2)
		recorded(t, e.RecordLatency(arm, drawnLatency(rng, [2]time.Duration{time.Millisecond, median}[arm])))
		recorded(t, e.Record(arm, errors20.draw(rng, 0.5*float64(arm))))
		if decision := e.Decision(); decision.State != Running {
			return decision
		}
	}
	return e.Decision()
}

func TestAnArmThatIsSlowerDoesNotWin(t *testing.T) {
	for name, c := range map[string]struct {
		median      time.Duration
		least, most float64 // of the experiments with a winner
		state       State   // of the others
	}{
		"as fast":         {time.Millisecond, 0.95, 1, Running},
		"faster":          {time.Millisecond / 2, 0.95, 1, Running},
		"slower, allowed": {1050 * time.Microsecond, 0.9, 1, Running},
		"just over":       {1210 * time.Microsecond, 0, 0.05, Stopped},
		"far over":        {2 * time.Millisecond, 0, 0.05, Stopped},
		"hopelessly":      {time.Hour, 0, 0.05, Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wins := share(50, func(rng *rand.Rand) bool {
				decision := guarded(t, rng, c.median, 5000)
				if decision.State != Won && decision.State != c.state && c.state == Stopped {
					t.Errorf("%v", decision)
				}
				return decision.Winner == 1
			})
			if wins < c.least || wins > c.most {
				t.Errorf("won in %.0f %%", 100*wins)
			}
		})
	}
}

func TestAnArmWithoutLatenciesDoesNotWinPastAGuardrail(t *testing.T) {
	e, rng := started(t, Config{MaxSamples: 5000, Latency: &Guardrail{Limit: 1.2}}), rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		arm := rng.IntN(2)
		recorded(t, e.Record(arm, float64(1-arm)))
	}
	if got := e.Decision(); got.State != Stopped {
		t.Errorf("got %v", got)
	}
}
