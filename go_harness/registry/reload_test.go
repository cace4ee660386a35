package registry

import (
	"slices"
	"strconv"
	"testing"
)

// Four kinds of change in turn: a new version, a rollback, a broken version, and one that is deleted, together with `latest`
// every other time. Version 2.N, which is good, is served from round N to the one after the next.
func TestNoPredictionFailsWhateverIsReloaded(t *testing.T) {
	f := published(t, "1.0")
	log := &recorder{}
	r := f.open(WithObserver(log))
	m := latest(t, r)
	good := map[string]bool{"1.0": true}
	rounds := soaking(200, 4000) / 4
	for round := range rounds {
		good["2."+strconv.Itoa(round)] = true
	}
	stop := predicting(t, m, 8, good)
	defer stop()
	for round := range rounds {
		next, broken, gone := "2."+strconv.Itoa(round), "3."+strconv.Itoa(round), "4."+strconv.Itoa(round)
		f.publish(next)
		expectReload(t, m, next, true)

		f.point("1.0")
		expectReload(t, m, "1.0", true)

		f.publish(broken)
		if round%2 == 0 {
			f.damage(broken)
		} else {
			f.swapModel(broken, f.modelOf("1.0"))
		}
		expectReload(t, m, "1.0", false)

		f.publish(gone)
		f.remove("v" + gone)
		if round%2 == 1 {
			f.remove("latest")
		}
		expectReload(t, m, "1.0", false)
		f.remove("v" + next)
		f.remove("v" + broken)
	}
	predictions := stop()
	status := m.Status()
	t.Logf("%d predictions while %d swaps and %d failures", predictions, status.Swaps, status.Failures)
	if status.Swaps != 2*rounds || status.Failures != 2*rounds {
		t.Errorf("%d swaps and %d failures, want %d of each", status.Swaps, status.Failures, 2*rounds)
	}
	if predictions < 4*rounds {
		t.Errorf("%d predictions, too few to have met the reloads", predictions)
	}
	within(t, "all versions but the one that serves are retired", func() bool { return len(log.kinds(Retired)) == len(log.kinds(Loaded))-1 })
	for _, event := range log.of(Retired) {
		if event.Err != nil {
			t.Errorf("v%s: %v", event.Version, event.Err)
		}
	}
}

// expectReload reloads, and checks whether that worked and what serves then.
func expectReload(t *testing.T, m *Model, version string, works bool) {
	t.Helper()
	if err := m.Reload(); (err == nil) != works {
		t.Fatalf("got %v", err)
	}
	serves(t, m, version)
}

// A caller that got a version before a swap is answered by it, however long it queues.
func TestAQueuedPredictionIsAnsweredByTheVersionThatItQueuedFor(t *testing.T) {
	f := published(t, "1.0", "1.1")
	f.point("1.0")
	log := &recorder{}
	r := f.open(WithSlots(1), WithObserver(log))
	m := latest(t, r)
	v, err := m.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	f.point("1.1")
	expectReload(t, m, "1.1", true)
	out := v.NewOutputs()
	if err := v.Predict(t.Context(), out, []float32{0, 0, 0, 0}); err != nil || out[0].Float32[0] != constant("1.0") {
		t.Errorf("got %v, %v", out, err)
	}
	if retired := log.kinds(Retired); len(retired) != 0 {
		t.Errorf("v%v retired under a caller", retired)
	}
	v.Release()
	within(t, "the old version is retired", func() bool { return slices.Equal(log.kinds(Retired), []string{"1.0"}) })
}

// The check above would see a mixed answer.
func TestSeesAnAnswerOfTwoVersions(t *testing.T) {
	f := published(t, "1.0")
	m := latest(t, f.open())
	if err := answersOf(t.Context(), m, map[string]bool{"1.1": true}); err == nil {
		t.Error("the answer of a version that was not to be served was taken")
	}
}
