//go:build !race

package registry

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestPredictAllocatesNothing(t *testing.T) {
	for name, opts := range map[string][]Option{"alone": nil, "observed": {WithObserver(counter{})}} {
		m := latest(t, published(t, "1.0").open(opts...))
		// Through an interface, as a service that tests itself without a model calls it.
		var service interface {
			Predict(ctx context.Context, out predictor.Outputs, window []float32) error
			PredictVersion(ctx context.Context, out predictor.Outputs, window []float32) (*Version, error)
			Acquire() (*Version, error)
		} = m
		out, window := m.NewOutputs(), make([]float32, 4)
		allocations := testing.AllocsPerRun(1000, func() {
			err := service.Predict(t.Context(), out, window)
			v, errVersion := service.PredictVersion(t.Context(), out, window)
			acquired, errAcquire := service.Acquire()
			if err := errors.Join(err, errVersion, errAcquire); err != nil || v != acquired {
				t.Fatal(err)
			}
			acquired.Release()
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations a prediction, want 0", name, allocations)
		}
	}
}

// counter observes predictions as metrics would, without allocating.
type counter struct{}

func (counter) Happened(Event) {}

func (c counter) Predictions(_, _ string) PredictionObserver { return c }

func (counter) Predicted(time.Duration, int, error) {}

// maxOverhead is what the project allows a prediction above the bare call of the runtime.
const maxOverhead = 4 * time.Microsecond

func TestAPredictionCostsLittleMoreThanTheRuntimesCall(t *testing.T) {
	m := latest(t, published(t, "1.0").open(WithSlots(1)))
	out, window := m.NewOutputs(), make([]float32, 4)
	if above := overhead(t, bareSlot(t).Run, func() error { return m.Predict(t.Context(), out, window) }); above > maxOverhead {
		t.Errorf("%v above the bare call, want at most %v", above, maxOverhead)
	}
}

// The bound above is one that a call breaks which takes that much longer.
func TestSeesACallThatCostsMore(t *testing.T) {
	slot := bareSlot(t)
	dear := func() error {
		for begin := time.Now(); time.Since(begin) < maxOverhead; {
		}
		return slot.Run()
	}
	if above := overhead(t, slot.Run, dear); above <= maxOverhead {
		t.Errorf("%v above the bare call only", above)
	}
}

// overhead makes bare calls and others in turn, so that whatever else the machine does meets both, and returns the middle of the
// differences.
func overhead(t *testing.T, bare, call func() error) time.Duration {
	t.Helper()
	const pairs, calls = 200, 50
	differences := make([]time.Duration, pairs)
	for i := range differences {
		floor := timed(t, calls, bare)
		differences[i] = timed(t, calls, call) - floor
	}
	slices.Sort(differences)
	t.Logf("%v above the bare call, the middle of %d pairs; quarters %v and %v", differences[pairs/2], pairs, differences[pairs/4], differences[3*pairs/4])
	return differences[pairs/2]
}

func timed(t *testing.T, calls int, call func() error) time.Duration {
	t.Helper()
	begin := time.Now()
	for range calls {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin) / time.Duration(calls)
}

// bareSlot is the model of v1.0 without a predictor.
func bareSlot(t testing.TB) *engine.Slot {
	t.Helper()
	b, err := bundle.Open(published(t, "1.0").model() + "/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	session, err := openedRuntime(t).Engine().NewSession(b.Model, b.Metadata.Runtime.Session, b.Metadata.Model.RowsPerCall(), b.Metadata.Inputs, b.Metadata.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, session)
	slot, err := session.NewSlot(1)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, slot)
	return slot
}

func BenchmarkBareRun(b *testing.B) {
	slot := bareSlot(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := slot.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// At most 4 µs above BenchmarkBareRun.
func BenchmarkPredict(b *testing.B) {
	benchmarkPredict(b)
}

func BenchmarkPredictObserved(b *testing.B) {
	benchmarkPredict(b, WithObserver(counter{}))
}

func benchmarkPredict(b *testing.B, opts ...Option) {
	m := latest(b, published(b, "1.0").open(opts...))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, window := m.NewOutputs(), make([]float32, 4)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Predict(ctx, out, window); err != nil {
			b.Fatal(err)
		}
	}
}

// The throughput of a real model by as many callers, with as many slots: DWCPC_BENCH_REGISTRY names a registry, and
// DWCPC_BENCH_MODEL one of its models.
func BenchmarkThroughput(b *testing.B) {
	dir, name := namedModel(b)
	for _, callers := range []int{1, 2} {
		b.Run([]string{"", "one", "two"}[callers], func(b *testing.B) {
			r, err := Open(openedRuntime(b), dir, WithSlots(callers))
			if err != nil {
				b.Fatal(err)
			}
			closing(b, r)
			m, err := r.GetLatest(name)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkCallers(b, m, callers)
		})
	}
}

// benchmarkCallers reports the processor time of a prediction as well: on a busy machine it is what tells whether callers
// hinder each other, or only get no second processor.
func benchmarkCallers(b *testing.B, m *Model, callers int) {
	clock, err := measure.NewThreadClock()
	if err != nil {
		b.Skip(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	done, cpuNs := make(chan error, callers), make(chan int64, callers)
	window := m.Bundle().Golden.Inputs[0][:m.Bundle().Metadata.Inputs[0].Shape.Elements()]
	b.ResetTimer()
	for range callers {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begin := clock.CPUNs()
			out := m.NewOutputs()
			var failed error
			for left.Add(-1) >= 0 {
				failed = errors.Join(failed, m.Predict(context.Background(), out, window))
			}
			cpuNs <- clock.CPUNs() - begin
			done <- failed
		}()
	}
	total := int64(0)
	for range callers {
		total += <-cpuNs
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "predictions/s")
	b.ReportMetric(float64(total)/1e3/float64(b.N), "cpu-µs/op")
}
