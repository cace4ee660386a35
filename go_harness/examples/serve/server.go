package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/novacron/dwcpc/go_harness/registry"
)

// server answers requests from the handles. Any number of goroutines may use it.
type server struct {
	handles  map[string]*registry.Model
	registry *registry.Registry
	gatherer prometheus.Gatherer
	config   config
	logger   *slog.Logger
	draining atomic.Bool
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", s.predict)
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	return mux
}

// health is one model's in /healthz. Problem is why a newer version does not serve.
type health struct {
	Model    string `json:"model"`
	Version  string `json:"version"`
	Swaps    int    `json:"swaps"`
	Failures int    `json:"failures"`
	Problem  string `json:"problem,omitempty"`
}

// health answers 200 while the service predicts: a version that could not be loaded is reported, but the one before it serves.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	state, code := "serving", http.StatusOK
	if s.draining.Load() {
		state, code = "draining", http.StatusServiceUnavailable
	}
	models := []health{}
	for _, status := range s.registry.Status() {
		h := health{Model: status.Model, Version: status.Version, Swaps: status.Swaps, Failures: status.Failures}
		if status.Failure != nil {
			h.Problem = status.Failure.Error()
		}
		models = append(models, h)
	}
	s.answer(w, code, map[string]any{"status": state, "models": models})
}

// answer writes a whole JSON document, or none.
func (s *server) answer(w http.ResponseWriter, code int, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		s.logger.Error("answer cannot be written", "error", err)
		code, text = http.StatusInternalServerError, []byte(`{"error":{"kind":"internal","message":"the answer cannot be written"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // whoever asked may be gone
}
