package registry

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestTellsWhatHappensToEachVersion(t *testing.T) {
	f := published(t, "1.0")
	log := &recorder{}
	m := latest(t, f.open(WithObserver(log)))
	f.publish("1.1")
	expectReload(t, m, "1.1", true)
	within(t, "the old version is retired", func() bool { return len(log.of(Retired)) == 1 })
	var told []string
	for _, event := range append(append(log.of(Loaded), log.of(Served)...), log.of(Retired)...) {
		told = append(told, event.Kind.String()+" "+event.Model+" "+event.Version+" after "+event.Previous)
	}
	want := []string{
		"loaded adder 1.0 after ", "loaded adder 1.1 after ", "served adder 1.0 after ", "served adder 1.1 after 1.0", "retired adder 1.0 after ",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %v", told)
	}
	if took := log.of(Loaded)[0].Took; took <= 0 {
		t.Errorf("loaded in %v", took)
	}
}

func TestTellsEachPredictionToThoseWhoObserveItsVersion(t *testing.T) {
	f := published(t, "1.0")
	one, two := &recorder{}, &recorder{}
	m := latest(t, f.open(WithObserver(one), WithObserver(deaf{}), WithObserver(two)))
	serves(t, m, "1.0")
	f.publish("1.1")
	expectReload(t, m, "1.1", true)
	serves(t, m, "1.1")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Predict(gone, m.NewOutputs(), make([]float32, 4)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, log := range []*recorder{one, two} {
		old, now := log.made["adder 1.0"], log.made["adder 1.1"]
		if old.rows != 1 || now.rows != 3 || len(old.errors) != 0 || len(now.errors) != 1 || !errors.Is(now.errors[0], context.Canceled) || now.took <= 0 {
			t.Errorf("got %+v and %+v", old, now)
		}
	}
}

// deaf observes events only.
type deaf struct{}

func (deaf) Happened(Event) {}

func (deaf) Predictions(_, _ string) PredictionObserver { return nil }
