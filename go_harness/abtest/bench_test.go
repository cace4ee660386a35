package abtest

import (
	"math/rand/v2"
	"testing"
	"time"
)

func BenchmarkAssign(b *testing.B) {
	e := started(b, Config{Salt: "autumn"})
	b.ReportAllocs()
	for b.Loop() {
		_ = e.Assign("node-17.region-3")
	}
}

// A loss in an experiment that goes on: the arms are alike, and the horizon is far.
func BenchmarkRecord(b *testing.B) {
	e, losses := started(b, Config{MaxSamples: 1 << 50}), make([]float64, 4095)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range losses { // an odd number of them: both arms get all
		losses[i] = errors20.draw(rng, 0)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := e.Record(i&1, losses[i%len(losses)]); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if got := e.Decision().State; got != Running {
		b.Fatalf("the experiment has %v: nothing was compared any more", got)
	}
}

func BenchmarkRecordLatency(b *testing.B) {
	e := started(b, Config{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := e.RecordLatency(i&1, time.Duration(i)); err != nil {
			b.Fatal(err)
		}
	}
}
