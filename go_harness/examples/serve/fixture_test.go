package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var (
	fixtures  = filepath.Join("..", "..", "..", "tests", "fixtures")
	provenDir = filepath.Join(fixtures, "bundles", "proven")
	goodDir   = filepath.Join(fixtures, "bundles", "good")
)

const (
	adder  = "bandwidth_predictor" // adds 1 in v1.0 and 2 in v1.1
	proven = "tiny_proven"         // names anomalies
)

// published returns a registry with both models in v1.0.
func published(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	publishAdder(t, dir, "1.0", 1)
	if err := os.CopyFS(filepath.Join(dir, proven, "v1.0"), os.DirFS(provenDir)); err != nil {
		t.Fatal(err)
	}
	bundletest.PointLatest(t, filepath.Join(dir, proven), "v1.0")
	return dir
}

func publishAdder(t *testing.T, dir, version string, constant float32) {
	t.Helper()
	bundletest.Adding(t, filepath.Join(fixtures, "add_one.onnx"), adder, version, constant).Publish(t, goodDir, dir)
	bundletest.PointLatest(t, filepath.Join(dir, adder), "v"+version)
}

// service is one that runs.
type service struct {
	*testing.T
	url    string
	client *http.Client
	ended  chan error
}

// started returns a service that answers; the test has to stop it.
func started(t *testing.T, dir string, changes ...func(*config)) *service {
	t.Helper()
	c := config{registry: dir, listen: "127.0.0.1:0", maxBody: 4096, queueTimeout: 10 * time.Second, drainTimeout: 10 * time.Second, interval: 5 * time.Millisecond}
	for _, change := range changes {
		change(&c)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s := &service{T: t, client: &http.Client{Transport: transport}, ended: make(chan error, 1)}
	address := make(chan string, 1)
	go func() {
		s.ended <- run(context.Background(), c, slog.New(slog.DiscardHandler), func(a string) { address <- a })
	}()
	select {
	case a := <-address:
		s.url = "http://" + a
	case err := <-s.ended:
		t.Fatal(err)
	}
	return s
}

// terminate sends the signal that an orchestrator sends.
func (s *service) terminate() {
	s.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
}

func (s *service) stop() {
	s.Helper()
	s.terminate()
	if err := <-s.ended; err != nil {
		s.Error(err)
	}
}

func (s *service) do(method, path, body string) (int, string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	return textOf(s.T, response)
}

func textOf(t *testing.T, response *http.Response) (int, string) {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(bytes.TrimSpace(text))
}

// predicted is an answer of /predict.
type predicted struct {
	Version string
	Outputs map[string][]*float32
	Anomaly *bool
	Error   struct{ Kind, Message string }
}

func (s *service) predict(body string) (int, predicted) {
	s.Helper()
	code, text := s.do(http.MethodPost, "/predict", body)
	var found predicted
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	return code, found
}

// added predicts with the adder, and returns its version and what it added.
func (s *service) added() (version string, constant float32) {
	s.Helper()
	code, found := s.predict(`{"model":"` + adder + `","window":[10,20,30,40]}`)
	if code != http.StatusOK || len(found.Outputs["y"]) != 4 {
		s.Fatalf("%d: %+v", code, found)
	}
	return found.Version, *found.Outputs["y"][3] - 40
}
