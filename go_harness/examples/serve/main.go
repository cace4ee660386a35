// Command serve answers predictions over HTTP from a registry that `dwcpc publish` writes, and follows `latest` in it.
//
//	serve -registry registry -listen 127.0.0.1:8080
//	curl -d '{"model":"consensus_latency","window":[0.5,-2,…]}' http://127.0.0.1:8080/predict
//
// POST /predict predicts one window, GET /healthz says what serves, GET /metrics is for Prometheus. SIGTERM has it answer what
// it has begun and stop. It is an example to start from: whoever is not to predict has to be kept away in front of it.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	registry     string
	models       []string // none: all that the registry has
	listen       string
	library      string
	maxBody      int64         // bytes
	queueTimeout time.Duration // how long a request waits for its turn
	drainTimeout time.Duration // how long requests that have begun may take after SIGTERM
	interval     time.Duration // between two looks at `latest`, should nobody tell of a change
}

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(context.Background(), flags(), logger, func(string) {}); err != nil {
		logger.Error("serve failed", "error", err)
		os.Exit(1)
	}
}

func flags() config {
	var c config
	var models string
	flag.StringVar(&c.registry, "registry", "registry", "the folder that dwcpc publish writes")
	flag.StringVar(&models, "models", "", "names of models to serve, with commas between; empty for all")
	flag.StringVar(&c.listen, "listen", "127.0.0.1:8080", "address to listen on")
	flag.StringVar(&c.library, "library", "", "onnxruntime's library; empty to look for it")
	flag.Int64Var(&c.maxBody, "max-body", 1<<20, "largest request in bytes")
	flag.DurationVar(&c.queueTimeout, "queue-timeout", time.Second, "how long a request waits for its turn")
	flag.DurationVar(&c.drainTimeout, "drain-timeout", 10*time.Second, "how long requests may take that have begun before SIGTERM")
	flag.DurationVar(&c.interval, "interval", 10*time.Second, "time between two looks at latest")
	flag.Parse()
	c.models = strings.FieldsFunc(models, func(r rune) bool { return r == ',' })
	return c
}
