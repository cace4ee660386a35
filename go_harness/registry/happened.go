package registry

import (
	"context"
	"log/slog"
)

// happened logs the event and tells every observer.
func (r *Registry) happened(event Event) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.log(event)
	for _, observer := range r.options.observers {
		observer.Happened(event)
	}
}

// predictionObservers asks every observer who is told the predictions of a version.
func (r *Registry) predictionObservers(model, version string) []PredictionObserver {
	r.telling.Lock()
	defer r.telling.Unlock()
	var found []PredictionObserver
	for _, observer := range r.options.observers {
		if predictions := observer.Predictions(model, version); predictions != nil {
			found = append(found, predictions)
		}
	}
	return found
}

func (r *Registry) log(event Event) {
	if event.Repeated {
		return // said already; a registry that is looked at every ten seconds would say nothing else
	}
	level := slog.LevelDebug
	switch {
	case event.Err != nil:
		level = slog.LevelWarn
	case event.Kind == Served:
		level = slog.LevelInfo
	}
	attributes := []slog.Attr{slog.String("model", event.Model), slog.String("version", event.Version)}
	if event.Previous != "" {
		attributes = append(attributes, slog.String("previous", event.Previous))
	}
	if event.Took != 0 {
		attributes = append(attributes, slog.Duration("took", event.Took))
	}
	if event.Err != nil {
		attributes = append(attributes, slog.Any("error", event.Err))
	}
	r.options.logger.LogAttrs(context.Background(), level, "model version "+event.Kind.String(), attributes...)
}
