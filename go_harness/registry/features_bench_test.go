package registry

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/features"
)

// From a raw sample to a prediction, with the features beside the model or in its graph, as its bundle says: the p50 in µs.
// DWCPC_BENCH_REGISTRY names a registry, and DWCPC_BENCH_MODEL one of its models, which has a feature specification.
func BenchmarkRawSample(b *testing.B) {
	dir, name := namedModel(b)
	r, err := Open(openedRuntime(b), dir)
	if err != nil {
		b.Fatal(err)
	}
	closing(b, r)
	m, err := r.GetLatest(name)
	if err != nil {
		b.Fatal(err)
	}
	if m.Bundle().Metadata.Features == nil {
		b.Skip(name + " has no feature specification")
	}
	window, push := pushed(b, m.Bundle())
	out, took := m.NewOutputs(), make([]time.Duration, 0, b.N)
	samples := rawSamples(specOf(b, m.Bundle()), 1024)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		begun := time.Now()
		if err := push(float64(i), samples[i%len(samples)]); err != nil {
			b.Fatal(err)
		}
		if err := m.Predict(b.Context(), out, window()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/float64(time.Microsecond), "p50-µs")
}

// pushed returns what the model takes, and what a sample is pushed into.
func pushed(b *testing.B, of *bundle.Bundle) (window func() []float32, push func(at float64, row []float64) error) {
	b.Helper()
	stated := of.Metadata.Features
	plan, timesteps := features.Compile(specOf(b, of)), 1
	if stated.Timesteps != nil {
		timesteps = *stated.Timesteps
	}
	if stated.Embedded {
		raw, err := plan.NewWindow(timesteps)
		if err != nil {
			b.Fatal(err)
		}
		return raw.Values, func(at float64, row []float64) error { _, err := raw.Push(at, row); return err }
	}
	sequence, err := plan.NewSequence(timesteps)
	if err != nil {
		b.Fatal(err)
	}
	return sequence.Values, func(at float64, row []float64) error { _, err := sequence.Push(at, row); return err }
}

func specOf(b *testing.B, of *bundle.Bundle) *features.Spec {
	b.Helper()
	spec, err := features.Parse(of.Metadata.Features.Spec)
	if err != nil {
		b.Fatal(err)
	}
	return spec
}

// rawSamples are around 1, and each category its first.
func rawSamples(spec *features.Spec, n int) [][]float64 {
	random := rand.New(rand.NewPCG(1, 2))
	samples := make([][]float64, n)
	for i := range samples {
		samples[i] = make([]float64, len(spec.Columns))
		for j, column := range spec.Columns {
			if len(column.Categories) == 0 {
				samples[i][j] = 1 + random.NormFloat64()/4
			}
		}
	}
	return samples
}
