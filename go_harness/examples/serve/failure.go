package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

var errNoModel = errors.New("no such model is served")

// requestError is a body that is no request.
type requestError struct{ err error }

func (e *requestError) Error() string { return "the body is no request: " + e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// failure is what an error is to whoever asked.
type failure struct {
	code int
	kind string
}

// failureOf tells apart who has to do something about it: 4xx whoever asked, 503 nobody but later, 500 whoever runs the service.
func failureOf(err error) failure {
	var tooLarge *http.MaxBytesError
	var malformed *requestError
	var length *predictor.LengthError
	switch {
	case errors.As(err, &tooLarge):
		return failure{http.StatusRequestEntityTooLarge, "too_large"}
	case errors.As(err, &malformed):
		return failure{http.StatusBadRequest, "malformed"}
	case errors.Is(err, errNoModel):
		return failure{http.StatusNotFound, "unknown_model"}
	case errors.As(err, &length):
		return failure{http.StatusUnprocessableEntity, "window_length"}
	case errors.Is(err, predictor.ErrNotAnswered):
		return failure{http.StatusUnprocessableEntity, "not_answered"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure{http.StatusServiceUnavailable, "busy"}
	case errors.Is(err, registry.ErrClosed), errors.Is(err, predictor.ErrClosed):
		return failure{http.StatusServiceUnavailable, "closing"}
	default:
		return failure{http.StatusInternalServerError, "internal"}
	}
}

// refuse answers with the error: {"error": {"kind", "message"}}.
func (s *server) refuse(w http.ResponseWriter, err error) {
	f := failureOf(err)
	message := err.Error()
	switch f.code {
	case http.StatusInternalServerError:
		s.logger.Error("prediction failed", "error", err)
		message = "the prediction failed; the service's log says why"
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1") // seconds
	}
	s.answer(w, f.code, map[string]any{"error": map[string]string{"kind": f.kind, "message": message}})
}
