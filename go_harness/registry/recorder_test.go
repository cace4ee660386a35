package registry

import (
	"sync"
	"time"
)

// recorder is an observer that remembers everything.
type recorder struct {
	mu     sync.Mutex
	events []Event
	made   map[string]*tally
}

// tally counts the predictions of one version.
type tally struct {
	recorder *recorder
	rows     int
	errors   []error
	took     time.Duration
}

func (r *recorder) Happened(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *recorder) Predictions(model, version string) PredictionObserver {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made == nil {
		r.made = map[string]*tally{}
	}
	t := &tally{recorder: r}
	r.made[model+" "+version] = t
	return t
}

func (t *tally) Predicted(took time.Duration, rows int, err error) {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	t.rows += rows
	t.took += took
	if err != nil {
		t.errors = append(t.errors, err)
	}
}

// of returns the events of a kind.
func (r *recorder) of(kind Kind) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Event
	for _, event := range r.events {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	return found
}

// kinds returns the versions of the events of a kind.
func (r *recorder) kinds(kind Kind) []string {
	var versions []string
	for _, event := range r.of(kind) {
		versions = append(versions, event.Version)
	}
	return versions
}
