package ensemble

import (
	"context"
	"math/rand/v2"
	"testing"
)

// What the ensemble adds to its members, which cost next to nothing here: 3 members, an autoencoder's 360 values.
func BenchmarkAverage(b *testing.B) {
	benchmarkAverage(b)
}

func BenchmarkAverageAtOnce(b *testing.B) {
	benchmarkAverage(b, Concurrently())
}

func benchmarkAverage(b *testing.B, opts ...Option) {
	a := averageOf(b, drawn(rand.New(rand.NewPCG(1, 1)), 3, 360), opts...)
	out := a.NewOutputs()
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Predict(context.Background(), out, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVote(b *testing.B) {
	v := voteOf(b, ballots([]int64{4, 7, 7}, []float64{1, 1, 2}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Label(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAPredictionAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what a sync.Pool holds, at random")
	}
	a, dropping := averageOf(t, drawn(rand.New(rand.NewPCG(1, 1)), 3, 360)), averageOf(t, drawn(rand.New(rand.NewPCG(1, 1)), 3, 360), DropFailing(2))
	v := voteOf(t, ballots([]int64{1, 0, 1}, []float64{1, 1, 2}))
	out := a.NewOutputs()
	if n := testing.AllocsPerRun(1000, func() {
		_ = a.Predict(context.Background(), out, nil)
		_ = dropping.Predict(context.Background(), out, nil)
		_, _ = v.Label(context.Background(), nil)
		_, _ = v.Anomaly(context.Background(), nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
