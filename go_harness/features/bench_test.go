package features

import "testing"

// One sample in, 123 features out: at most 3 µs, no allocation.
func BenchmarkStream123(b *testing.B) {
	stream, rows := Compile(nodeSpec(b)).NewStream(), nodeRows(1024)
	out := make([]float64, 123)
	at := 0.0
	b.ReportAllocs()
	for b.Loop() {
		at++
		if _, err := stream.Push(out, at, rows[int(at)%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
}

// The same by the name of the node, in float32 as a model takes it.
func BenchmarkGroups123(b *testing.B) {
	groups, rows := Compile(nodeSpec(b)).NewGroups(), nodeRows(1024)
	out := make([]float32, 123)
	names := []string{"a", "b", "c", "d"}
	at := 0.0
	b.ReportAllocs()
	for b.Loop() {
		at++
		if _, err := groups.Push32(out, names[int(at)%len(names)], at, rows[int(at)%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
}

func TestASampleAllocatesNothing(t *testing.T) {
	plan, rows := Compile(nodeSpec(t)), nodeRows(64)
	stream, groups := plan.NewStream(), plan.NewGroups()
	sequence, err := plan.NewSequence(20)
	if err != nil {
		t.Fatal(err)
	}
	window, err := plan.NewWindow(1)
	if err != nil {
		t.Fatal(err)
	}
	out, out32 := make([]float64, 123), make([]float32, 123)
	at := 0.0
	for name, push := range map[string]func(row []float64) (Status, error){
		"stream":     func(row []float64) (Status, error) { return stream.Push(out, at, row) },
		"in float32": func(row []float64) (Status, error) { return stream.Push32(out32, at, row) },
		"groups":     func(row []float64) (Status, error) { return groups.Push(out, "a", at, row) },
		"sequence":   func(row []float64) (Status, error) { return sequence.Push(at, row) },
		"window":     func(row []float64) (Status, error) { return window.Push(at, row) },
	} {
		allocated := testing.AllocsPerRun(100, func() {
			at += 100
			if status, err := push(rows[int(at/100)%len(rows)]); status != Taken || err != nil {
				t.Fatal(status, err)
			}
			if sequence.Values()[0] == 0 && window.Values()[0] == 0 {
				at++ // both are read
			}
		})
		if allocated != 0 {
			t.Errorf("%s: %v allocations a sample", name, allocated)
		}
	}
}
