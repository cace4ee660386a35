package service

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// envRetrain names a folder with a registry that serves consensus_latency v1.0, samples.csv, and the command's arguments, a line
// each, in command. tests/e2e/test_retrain.py makes it, and runs this test.
const envRetrain = "DWCPC_TEST_RETRAIN"

// detector is a Model whose target is the anomaly score.
type detector struct {
	*registry.Model
	out   predictor.Outputs
	score int
}

func (d *detector) Channels() []string { return d.Bundle().Metadata.Inputs[0].Channels }
func (d *detector) Steps() int         { return 30 }
func (d *detector) Targets() []string  { return []string{"anomaly_score"} }
func (d *detector) Created() time.Time { return time.Now() }

func (d *detector) Predict(ctx context.Context, dst []float64, window []float32) (string, error) {
	version, err := d.PredictVersion(ctx, d.out, window)
	if err != nil {
		return "", err
	}
	dst[0] = float64(d.out[d.score].Float32[0])
	return version.Number(), nil
}

func TestAWatcherServesWhatDwcpcRetrainPublished(t *testing.T) {
	dir := os.Getenv(envRetrain)
	if dir == "" {
		t.Skipf("%s is not set: tests/e2e/test_retrain.py sets it, and needs a Python with torch", envRetrain)
	}
	watched, reloaded := consensus(t, dir, registry.Watch()), consensus(t, dir)
	score, ok := reloaded.Output("anomaly_score")
	if !ok {
		t.Fatal("no anomaly_score")
	}
	argv := lines(t, filepath.Join(dir, "command"))
	seen := &spy{}
	s := started(t, &detector{reloaded, reloaded.NewOutputs(), score}, Config{
		Interval: time.Hour, Samples: 100_000, Observer: seen, Retrain: Command(argv[0], argv[1:]...),
	})
	collect(t, s.Collector(), filepath.Join(dir, "samples.csv"))
	s.RequestRetrain()
	for deadline := time.Now().Add(9 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		status := s.Status()
		if status.RetrainFailure != nil || time.Now().After(deadline) {
			t.Fatalf("got %+v", status)
		}
		if status.Retrainings == 1 && watched.Version().Number() == "1.1" {
			break
		}
	}
	window := make([]float32, 30*12)
	for name, m := range map[string]*registry.Model{"watched": watched, "reloaded": reloaded} {
		version, err := m.PredictVersion(t.Context(), m.NewOutputs(), window)
		if err != nil || version.Number() != "1.1" {
			t.Errorf("%s: v%s answered, %v", name, version.Number(), err)
		}
	}
}

func consensus(t *testing.T, dir string, opts ...registry.Option) *registry.Model {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close() })
	r, err := registry.Open(rt, filepath.Join(dir, "registry"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	m, err := r.GetLatest("consensus_latency")
	if err != nil {
		t.Fatal(err)
	}
	if n := m.Version().Number(); n != "1.0" {
		t.Fatalf("v%s serves before", n)
	}
	return m
}

// collect adds the samples of a file as WriteCSV writes them.
func collect(t *testing.T, c *Collector, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		at, err := time.Parse(time.RFC3339Nano, row[0])
		if err != nil {
			t.Fatal(err)
		}
		sample := make([]float32, len(row)-1)
		for i, cell := range row[1:] {
			value, err := strconv.ParseFloat(cell, 32)
			if err != nil {
				t.Fatal(err)
			}
			sample[i] = float32(value)
		}
		if err := c.Add(at, sample); err != nil {
			t.Fatal(err)
		}
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
