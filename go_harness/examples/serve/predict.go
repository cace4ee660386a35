package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// request is the body of POST /predict: window is flat and row-major, raw values in the model's channels and units. null is a
// value that is missing, which the model sees as NaN.
type request struct {
	Model  string   `json:"model"`
	Window []number `json:"window"`
}

// answer is one prediction. Anomaly and Label are there where the model decides or names a class.
type answer struct {
	Model   string         `json:"model"`
	Version string         `json:"version"`
	Outputs map[string]any `json:"outputs"` // by name: one row, flat and row-major
	Anomaly *bool          `json:"anomaly,omitempty"`
	Label   *int64         `json:"label,omitempty"`
}

func (s *server) predict(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.config.queueTimeout)
	defer cancel()
	asked, err := read(w, r, s.config.maxBody)
	if err != nil {
		s.refuse(w, err)
		return
	}
	found, err := s.predicted(ctx, asked)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.answer(w, http.StatusOK, found)
}

// read reads one JSON document and nothing behind it. A field that it does not know is an error: it may be a misspelt one.
func read(w http.ResponseWriter, r *http.Request, limit int64) (request, error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	decoder.DisallowUnknownFields()
	var asked request
	if err := decoder.Decode(&asked); err != nil {
		return request{}, &requestError{err}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return request{}, &requestError{errors.Join(errors.New("more follows the document"), err)}
	}
	return asked, nil
}

func (s *server) predicted(ctx context.Context, asked request) (answer, error) {
	handle, ok := s.handles[asked.Model]
	if !ok {
		return answer{}, errNoModel
	}
	window := make([]float32, len(asked.Window))
	for i, value := range asked.Window {
		window[i] = float32(value)
	}
	out := handle.NewOutputs()
	version, err := handle.PredictVersion(ctx, out, window)
	if err != nil {
		return answer{}, err
	}
	return judged(version, out)
}

// judged says what the outputs are, by the version that gave them.
func judged(version *registry.Version, out predictor.Outputs) (answer, error) {
	found := answer{Model: version.Model(), Version: version.Number(), Outputs: map[string]any{}}
	for i, output := range version.Bundle().Metadata.Outputs {
		if output.DType == bundle.DTypeInt64 {
			found.Outputs[output.Name] = out[i].Int64
		} else {
			found.Outputs[output.Name] = numbers(out[i].Float32)
		}
	}
	switch anomaly, err := version.Anomaly(out); {
	case err == nil:
		found.Anomaly = &anomaly
	case !errors.Is(err, predictor.ErrNoDecision):
		return answer{}, err
	}
	switch label, err := version.Label(out); {
	case err == nil:
		found.Label = &label
	case !errors.Is(err, predictor.ErrNoLabel):
		return answer{}, err
	}
	return found, nil
}
