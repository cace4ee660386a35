package service

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var errModel = errors.New("the runtime failed")

// fake is a Model of 2 steps of a throughput and an rtt, which predicts a link from the last sample: its bandwidth and latency.
type fake struct {
	mu       sync.Mutex
	version  string
	created  time.Time
	factor   float64 // by which the bandwidth is wrong
	err      error
	reloaded error
	reloads  int
}

func (f *fake) Name() string       { return "bandwidth_predictor" }
func (f *fake) Channels() []string { return []string{"throughput", "rtt"} }
func (f *fake) Steps() int         { return 2 }
func (f *fake) Targets() []string  { return []string{"bandwidth", "latency"} }

func (f *fake) Predict(_ context.Context, dst []float64, window []float32) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dst[0], dst[1] = float64(window[2])*f.factor, float64(window[3])
	return f.version, f.err
}

func (f *fake) Created() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.created
}

func (f *fake) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reloads++
	return f.reloaded
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) reloadCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reloads
}

// bubble runs a test with a clock that jumps as soon as all goroutines wait: no test sleeps.
func bubble(t *testing.T, test func(t *testing.T, model *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, &fake{version: "1.0", created: time.Now(), factor: 1})
	})
}

func started(t *testing.T, model Model, config Config) *Service {
	t.Helper()
	s, err := New(model, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// link is what every sample and measurement of these tests is of: 100 Mbps and 40 ms.
var link = []float32{100, 40}

// minutes lets n minutes pass, with a sample and a measurement of a link in each, and a prediction after them.
func minutes(t *testing.T, s *Service, n int) {
	t.Helper()
	time.Sleep(time.Second) // off the ticks
	for range n {
		now := time.Now()
		if err := s.Collector().Add(now, link); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Measured(now, []float64{float64(link[0]), float64(link[1])}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	}
	time.Sleep(time.Minute - time.Second)
	synctest.Wait()
}

// jobs are the retrainings that a test's callback was asked for.
type jobs struct {
	mu      sync.Mutex
	reasons []Reason
	at      []time.Time
}

func (j *jobs) add(r Retraining) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reasons, j.at = append(j.reasons, r.Reason), append(j.at, time.Now())
}

func (j *jobs) all() []Reason {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.reasons)
}

// spy is an Observer that remembers the last of each.
type spy struct {
	mu         sync.Mutex
	accuracy   float64
	confidence float64
	version    string
	retrained  []error
}

func (o *spy) Accuracy(_, version string, ratio float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.version, o.accuracy = version, ratio
}

func (o *spy) Confidence(_, _ string, ratio float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confidence = ratio
}

func (o *spy) Retrained(_ string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retrained = append(o.retrained, err)
}
