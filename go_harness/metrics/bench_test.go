package metrics

import (
	"testing"
	"time"
)

// What a prediction pays for being counted: of another model, and of the owners', which counts twice.
func BenchmarkPredicted(b *testing.B) {
	for _, name := range []string{"other", model} {
		b.Run(name, func(b *testing.B) {
			m, _ := made(b)
			observer := m.Predictions(name, "1.0")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				observer.Predicted(time.Duration(100+i%1024)*time.Microsecond, 1, nil)
			}
		})
	}
}

func BenchmarkPredictedFromAllProcessors(b *testing.B) {
	m, _ := made(b)
	observer := m.Predictions(model, "1.0")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			observer.Predicted(123*time.Microsecond, 1, nil)
		}
	})
}

func TestCountingAPredictionAllocatesNothing(t *testing.T) {
	m, _ := made(t)
	observer := m.Predictions(model, "1.0")
	count := func() {
		for _, took := range []time.Duration{time.Microsecond, 80 * time.Microsecond, 3 * time.Millisecond, 2 * time.Second} {
			observer.Predicted(took, 1, nil)
		}
	}
	count() // the first one in a native bucket makes it
	if n := testing.AllocsPerRun(1000, count); n != 0 {
		t.Errorf("%v allocations for 4 predictions", n)
	}
}
