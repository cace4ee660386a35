package engine

import (
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// What the binding takes for one call of a trivial model: the floor under BenchmarkSlotPredict.
func BenchmarkBareRun(b *testing.B) {
	opened(b)
	options, err := sessionOptions(pinned)
	if err != nil {
		b.Fatal(err)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(addOne(b), []string{"x"}, []string{"y"}, options)
	if err != nil {
		b.Fatal(err)
	}
	binding, err := session.CreateIoBinding()
	if err != nil {
		b.Fatal(err)
	}
	x, errX := ort.NewEmptyTensor[float32](ort.NewShape(1, 4))
	y, errY := ort.NewEmptyTensor[float32](ort.NewShape(1, 4))
	if errX != nil || errY != nil {
		b.Fatal(errX, errY)
	}
	if errX, errY := binding.BindInput("x", x), binding.BindOutput("y", y); errX != nil || errY != nil {
		b.Fatal(errX, errY)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := session.RunWithBinding(binding); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []interface{ Destroy() error }{binding, x, y, session, options} {
		if err := c.Destroy(); err != nil {
			b.Error(err)
		}
	}
}

// One prediction as a service makes it: copy in, run, copy out. At most 3 µs above BenchmarkBareRun.
func BenchmarkSlotPredict(b *testing.B) {
	slot := addOneSlot(b, 1)
	dst, src := []bundle.Output{{Float32: make([]float32, 4)}}, [][]float32{{1, 2, 3, 4}}
	b.ReportAllocs()
	for b.Loop() {
		if err := slot.Predict(dst, src); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPredictAllocatesNothing(t *testing.T) {
	slot := addOneSlot(t, 1)
	dst, src := []bundle.Output{{Float32: make([]float32, 4)}}, [][]float32{{1, 2, 3, 4}}
	allocations := testing.AllocsPerRun(1000, func() {
		if err := slot.Predict(dst, src); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a prediction, want 0", allocations)
	}
}

func TestCountingSeesAnAllocation(t *testing.T) {
	var kept []float32
	if allocations := testing.AllocsPerRun(100, func() { kept = make([]float32, 4) }); allocations != 1 {
		t.Errorf("%v allocations counted, want 1 (%v)", allocations, kept)
	}
}
