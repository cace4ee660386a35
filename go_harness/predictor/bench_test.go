package predictor

import (
	"context"
	"testing"
)

// One prediction as a service makes it. At most 4 µs above the engine's BenchmarkBareRun, of which BenchmarkSlot, the same
// model without the queue, has its part: Predict − Slot here, plus SlotPredict − BareRun there.
func BenchmarkPredict(b *testing.B) {
	p := opened(b, goodDir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, row := p.NewOutputs(), window(p.Bundle(), 0)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Predict(ctx, out, row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSlot(b *testing.B) {
	p := opened(b, goodDir)
	slot := <-p.slots
	defer func() { p.slots <- slot }()
	out, row := p.NewOutputs(), [][]float32{window(p.Bundle(), 0)}
	b.ReportAllocs()
	for b.Loop() {
		if err := slot.Predict(out, row); err != nil {
			b.Fatal(err)
		}
	}
}

// More callers than slots: what queueing costs.
func BenchmarkPredictCrowded(b *testing.B) {
	p := opened(b, goodDir)
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		out, row := p.NewOutputs(), window(p.Bundle(), 0)
		for pb.Next() {
			if err := p.Predict(context.Background(), out, row); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
