package abtest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// alternating records n losses of each arm in turn: an arm's loss is always the same.
func alternating(t testing.TB, e *Experiment, n int, losses ...float64) {
	t.Helper()
	for range n {
		for arm, loss := range losses {
			recorded(t, e.Record(arm, loss))
		}
	}
}

func TestAWinnerIsNamedOnceAndStays(t *testing.T) {
	e := started(t, Config{})
	alternating(t, e, 1000, 1, 0)
	first := e.Decision()
	if first.State != Won || first.Winner != 1 {
		t.Fatalf("got %v", first)
	}
	alternating(t, e, 5000, 0, 1)
	if got := e.Decision(); got != first {
		t.Errorf("got %v, then %v", first, got)
	}
}

func TestNoArmWinsBelowMinSamples(t *testing.T) {
	e := started(t, Config{MinSamples: 400})
	alternating(t, e, 399, 1, 0)
	if got := e.Decision(); got != (Decision{Running, -1, 798}) {
		t.Errorf("got %v", got)
	}
	alternating(t, e, 2, 1, 0)
	if got := e.Decision(); got.State != Won {
		t.Errorf("got %v", got)
	}
}

func TestStopsWhenTheSamplesAreSpent(t *testing.T) {
	e := started(t, Config{MaxSamples: 200, Block: 100})
	alternating(t, e, 99, 0.5, 0.5)
	if got := e.Decision().State; got != Running {
		t.Errorf("got %v", got)
	}
	alternating(t, e, 1, 0.5, 0.5)
	if got := e.Decision(); got != (Decision{Stopped, -1, 200}) {
		t.Errorf("got %v", got)
	}
}

func TestStopsEarlyWhereNoDifferenceCanShow(t *testing.T) {
	stops := share(50, func(rng *rand.Rand) bool {
		decision := run(t, rng, errors20, 0, Config{MaxSamples: 20_000}, 20_000)
		return decision.State == Stopped && decision.Samples < 19_000
	})
	if stops < 0.9 {
		t.Errorf("%.0f %% of the experiments stopped early", 100*stops)
	}
}

func TestOneArmOfThreeWinsOnlyAgainstBothOthers(t *testing.T) {
	three := Config{MaxSamples: 20_000, Arms: []Arm{{"a", 1}, {"b", 1}, {"c", 1}}}
	play := func(rng *rand.Rand, effects [3]float64) Decision {
		e := started(t, three)
		for range 20_000 {
			arm := rng.IntN(3)
			recorded(t, e.Record(arm, errors20.draw(rng, effects[arm])))
			if decision := e.Decision(); decision.State != Running {
				return decision
			}
		}
		return e.Decision()
	}
	for name, c := range map[string]struct {
		effects     [3]float64
		winner      int
		least, most float64
	}{
		"none better":      {[3]float64{0, 0, 0}, noWinner, 0.95, 1},
		"two better":       {[3]float64{0, 0.5, 0.5}, noWinner, 0.95, 1},
		"the second":       {[3]float64{0, 0.5, 0}, 1, 0.95, 1},
		"the third of all": {[3]float64{0, 0.25, 0.6}, 2, 0.95, 1},
	} {
		if got := share(40, func(rng *rand.Rand) bool { return play(rng, c.effects).Winner == c.winner }); got < c.least || got > c.most {
			t.Errorf("%s: %.0f %% with winner %d", name, 100*got, c.winner)
		}
	}
}

func TestTheWinnerIsPromotedOnlyWhenAskedFor(t *testing.T) {
	for _, promote := range []bool{false, true} {
		e := started(t, Config{Promote: promote})
		before, moved := [100]int{}, 0
		for i := range before {
			before[i] = e.Assign(key(i))
		}
		alternating(t, e, 1000, 1, 0)
		for i := range before {
			arm := e.AssignBytes([]byte(key(i)))
			if promote && arm != 1 {
				t.Errorf("%s has arm %d", key(i), arm)
			}
			if arm != before[i] {
				moved++
			}
		}
		if (moved > 0) != promote {
			t.Errorf("promote %v: %d keys moved", promote, moved)
		}
	}
}

func TestWeightsChangeWhileItRuns(t *testing.T) {
	e := started(t, Config{Arms: []Arm{{"old", 99}, {"new", 1}}})
	before := make([]int, 1000)
	for i := range before {
		before[i] = e.Assign(key(i))
	}
	if err := e.SetWeights(99, 99); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i := range before {
		arm := e.Assign(key(i))
		if arm == 0 && before[i] == 1 {
			t.Errorf("%s moved back", key(i))
		}
		if arm != before[i] {
			moved++
		}
	}
	if moved < 420 || moved > 560 { // 490 ± 16
		t.Errorf("%d of 1000 keys moved", moved)
	}
	for _, weights := range [][]float64{{1}, {0, 0}, {1, -1}, {math.NaN(), 1}} {
		var typed *ConfigError
		if err := e.SetWeights(weights...); !errors.As(err, &typed) {
			t.Errorf("%v: got %v", weights, err)
		}
	}
}

func TestRefusesWhatIsNoObservation(t *testing.T) {
	e := started(t, Config{})
	if err := e.Record(0, math.NaN()); !errors.Is(err, ErrNotANumber) {
		t.Errorf("got %v", err)
	}
	var latency *LatencyError
	if err := e.RecordLatency(0, -time.Second); !errors.As(err, &latency) || err.Error() != "abtest: a latency of -1s, expected at least 0" {
		t.Errorf("got %v", err)
	}
	for _, arm := range []int{-1, 2} {
		for _, err := range []error{e.Record(arm, 0), e.RecordLatency(arm, 0), e.RecordSuccess(arm, true)} {
			var typed *ArmError
			if !errors.As(err, &typed) || !strings.Contains(err.Error(), "expected 0 to 1") {
				t.Errorf("got %v", err)
			}
		}
	}
	if r := e.Report(); r.Decision.Samples != 0 || r.Arms[0].Latencies != 0 {
		t.Errorf("something was recorded: %+v", r)
	}
}

func TestReportsWhatItKnows(t *testing.T) {
	e := started(t, Config{LossMin: 10, LossMax: 20, MinSamples: 1000, Latency: &Guardrail{Limit: 1.2}})
	for _, loss := range []float64{12, 14, math.Inf(1), -5} {
		recorded(t, e.Record(0, loss))
	}
	recorded(t, e.RecordSuccess(1, true))
	recorded(t, e.RecordLatency(0, 100*time.Nanosecond))
	r := e.Report()
	a, b := r.Arms[0], r.Arms[1]
	if a.Name != "old" || a.Losses != 4 || a.Loss != 14 || math.Abs(a.Deviation-math.Sqrt(56.0/3)) > 1e-12 || a.Clipped != 2 {
		t.Errorf("got %+v", a)
	}
	if a.Latencies != 1 || a.Latency != 100 || a.Low != 0 || a.High != math.MaxInt64 {
		t.Errorf("got %+v", a)
	}
	if b.Loss != 10 || !math.IsNaN(b.Deviation) || b.Clipped != 0 {
		t.Errorf("got %+v", b)
	}
	if d := r.Differences[0]; len(r.Differences) != 1 || d != (Difference{0, 1, -10, 10}) {
		t.Errorf("got %+v", r.Differences)
	}
	alternating(t, e, 2000, 18, 12)
	r = e.Report()
	if d := r.Differences[0]; d.High >= -5 || d.High < -6 || d.Low > -6 || d.Low < -7 {
		t.Errorf("got %+v", d)
	}
	if r.Decision != (Decision{Running, noWinner, 4005}) { // the latencies are missing
		t.Errorf("got %+v", r.Decision)
	}
}

func TestRefusesSettingsThatMakeNoExperiment(t *testing.T) {
	two := []Arm{{"a", 1}, {"b", 1}}
	for name, c := range map[string]struct {
		config Config
		text   string
	}{
		"one arm":          {Config{Arms: two[:1]}, "the number of arms is 1, expected 2 to 16"},
		"weights":          {Config{Arms: []Arm{{"a", 0}, {"b", 0}}}, "each weight is 0"},
		"no range":         {Config{Arms: two, LossMin: 2, LossMax: 2}, "LossMin to LossMax is 2 to 2, expected a finite range"},
		"endless range":    {Config{Arms: two, LossMax: math.Inf(1)}, "0 to +Inf"},
		"NaN range":        {Config{Arms: two, LossMax: math.NaN()}, "0 to NaN"},
		"Alpha 1":          {Config{Arms: two, Alpha: 1}, "Alpha is 1, expected a probability above 0 and below 1"},
		"Alpha NaN":        {Config{Arms: two, Alpha: math.NaN()}, "Alpha is NaN"},
		"Block":            {Config{Arms: two, Block: -1}, "MinSamples or Block is -1, expected at least 1"},
		"MaxSamples":       {Config{Arms: two, MaxSamples: 199}, "MaxSamples is 199, expected at least 200"},
		"Limit":            {Config{Arms: two, Latency: &Guardrail{Limit: 1}}, "Latency.Limit is 1, expected a finite ratio of at least 1.05"},
		"Latency.Quantile": {Config{Arms: two, Latency: &Guardrail{Limit: 2, Quantile: 1}}, "Latency.Quantile is 1, expected one above 0 and below 1"},
	} {
		_, err := New(c.config)
		var typed *ConfigError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRecordsFromAnyGoroutine(t *testing.T) {
	e := started(t, Config{Promote: true, Latency: &Guardrail{Limit: 1.2}})
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(caller)))
			for i := range 2000 {
				arm := e.Assign(key(i))
				if err := errors.Join(e.RecordLatency(arm, time.Millisecond), e.Record(arm, errors20.draw(rng, 0.9*float64(arm)))); err != nil {
					t.Error(err)
				}
				if i%100 == 0 {
					_, _, _ = e.Decision(), e.Report(), e.SetWeights(1, float64(i+1))
				}
			}
		})
	}
	callers.Wait()
	r := e.Report()
	if n := r.Arms[0].Losses + r.Arms[1].Losses; n != 16_000 || r.Arms[0].Latencies+r.Arms[1].Latencies != n || r.Decision.Winner != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestAssigningAndRecordingAllocateNothing(t *testing.T) {
	e, bytes, i := started(t, Config{Latency: &Guardrail{Limit: 1.2}}), []byte("node-17"), 0
	if n := testing.AllocsPerRun(5000, func() {
		i++
		arm := e.Assign("node-17")
		_, _, _ = e.AssignBytes(bytes), e.Decision(), arm
		_, _ = e.Record(i%2, 0.5), e.RecordLatency(i%2, time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnArmTakesLittleMemory(t *testing.T) {
	if size := unsafe.Sizeof(tally{}) + maxArms*unsafe.Sizeof(difference{}); size > 20<<10 {
		t.Errorf("%d bytes an arm", size)
	}
}

// constant answers with one number.
type constant float32

func (c constant) Predict(_ context.Context, out predictor.Outputs, _ []float32) error {
	if c < 0 {
		return errors.New("broken")
	}
	out[0].Float32[0] = float32(c)
	return nil
}

func TestARunnerPredictsWithTheArmOfTheKey(t *testing.T) {
	e := started(t, Config{})
	r, err := NewRunner(e, constant(0), constant(1))
	if err != nil {
		t.Fatal(err)
	}
	out := predictor.Outputs{{Float32: make([]float32, 1)}}
	for i := range 100 {
		arm, err := r.Predict(t.Context(), key(i), out, nil)
		if err != nil || arm != e.Assign(key(i)) || out[0].Float32[0] != float32(arm) {
			t.Errorf("got %v, %v, %v", arm, out, err)
		}
	}
	if report := e.Report(); report.Arms[0].Latencies+report.Arms[1].Latencies != 100 {
		t.Errorf("got %+v", report)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = r.Predict(context.Background(), "node-1", out, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestARunnerDoesNotRecordWhatFailed(t *testing.T) {
	e := started(t, Config{})
	r, err := NewRunner(e, constant(-1), constant(-1))
	if err != nil {
		t.Fatal(err)
	}
	if arm, err := r.Predict(t.Context(), "node-1", nil, nil); err == nil || arm != e.Assign("node-1") {
		t.Errorf("got %v, %v", arm, err)
	}
	if report := e.Report(); report.Arms[0].Latencies+report.Arms[1].Latencies != 0 {
		t.Errorf("got %+v", report)
	}
	var typed *ConfigError
	if _, err := NewRunner(e, constant(0)); !errors.As(err, &typed) {
		t.Errorf("got %v", err)
	}
}

var _ Model = (*predictor.Predictor)(nil)
