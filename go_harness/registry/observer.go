package registry

import "time"

// Observer is told what the registry does; metrics are one. Its methods are called one at a time, while a load waits: they
// must return soon, and must not call the registry.
type Observer interface {
	// Happened is told each event. Events of one version come in the order of their kinds.
	Happened(Event)
	// Predictions is asked once for each version that was loaded, before its first prediction, for who is told each of them;
	// nil for nobody. After the version's Retired event it is told none.
	Predictions(model, version string) PredictionObserver
}

// PredictionObserver is told each prediction of one version, in the goroutine that made it: it must be safe for concurrent
// use, and what it costs is added to the prediction.
type PredictionObserver interface {
	// Predicted is told how long a call took, its time in the queue included, and what it returned; rows is 1 but for batches.
	Predicted(took time.Duration, rows int, err error)
}

// Kind is what an Event is about.
type Kind int

// The kinds of events, as they happen to a version.
const (
	// Loaded: a version was proven and warmed up, in Took; it serves from now on.
	Loaded Kind = iota
	// Served: a handle that follows `latest` answers with Version now, and before with Previous, if any.
	Served
	// Failed: a version could not be served, because of Err. Repeated says that the reason is the one of the attempt before.
	Failed
	// Retired: the last prediction of a version is over and its model is unloaded; Err says what went wrong in that.
	Retired
)

// String returns the kind in lower case.
func (k Kind) String() string {
	return [...]string{"loaded", "served", "failed", "retired"}[k]
}

// Event is one thing that happened to a model.
type Event struct {
	Kind     Kind
	Model    string
	Version  string // such as 1.1; empty where `latest` names none
	Previous string
	Took     time.Duration
	Err      error
	Repeated bool
}
