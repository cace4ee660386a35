package features

import (
	"testing"
)

// ways takes samples at times with a gap, a late one and a duplicate.
var ways = []struct {
	at, x  float64
	status Status
}{{1, 1, Taken}, {2, 2, Taken}, {1, 9, Skipped}, {3, 3, Taken}, {3, 8, Skipped}, {4, 4, Taken}, {90, 5, Taken}, {91, 6, Taken}}

const skipping = `, "late": "skip", "duplicate": "skip", "max_gap": 10`

func TestAWindowIsTheLastRawRowsAndNaNBeforeThem(t *testing.T) {
	plan := lagging(t, skipping)
	window, err := plan.NewWindow(2)
	if err != nil || window.Len() != 3 { // two timesteps and what a lag looks back at
		t.Fatal(window, err)
	}
	var kept []float64
	for _, s := range ways {
		if status, err := window.Push(s.at, []float64{s.x, 1}); status != s.status || err != nil {
			t.Fatal(status, err)
		}
		if s.at == 90 {
			kept = nil
		}
		if s.status == Taken {
			kept = append(kept, s.x)
		}
		got := window.Values()
		for i := range 3 {
			x, mode := nan, nan
			if j := len(kept) - 3 + i; j >= 0 {
				x, mode = kept[j], 1
			}
			if !same(float64(got[2*i]), x) || !same(float64(got[2*i+1]), mode) {
				t.Fatalf("after %v: got %v", kept, got)
			}
		}
	}
	if _, err := window.Push(92, []float64{1, 5}); err == nil {
		t.Error("an unknown category was taken")
	}
	if window.Forget(); window.Values()[4] == window.Values()[4] {
		t.Errorf("got %v", window.Values())
	}
}

func TestASequenceIsWhatTheStreamComputed(t *testing.T) {
	plan := lagging(t, skipping)
	sequence, err := plan.NewSequence(3)
	if err != nil {
		t.Fatal(err)
	}
	stream, out := plan.NewStream(), make([]float32, 2)
	var kept [][]float32
	for _, s := range ways {
		row := []float64{s.x, float64(int(s.x) % 2)}
		status, errStream := stream.Push32(out, s.at, row)
		got, err := sequence.Push(s.at, row)
		if got != status || err != nil || errStream != nil {
			t.Fatal(got, status, err)
		}
		if s.at == 90 {
			kept = nil
		}
		if status == Taken {
			kept = append(kept, []float32{out[0], out[1]})
		}
		if sequence.Full() != (len(kept) >= 3) {
			t.Errorf("after %d: full is %v", len(kept), sequence.Full())
		}
		for i, x := range sequence.Values() {
			want := float32(nan)
			if j := len(kept) - 3 + i/2; j >= 0 {
				want = kept[j][i%2]
			}
			if !same(float64(x), float64(want)) {
				t.Fatalf("after %v: got %v", kept, sequence.Values())
			}
		}
	}
	if sequence.Forget(); sequence.Full() {
		t.Error("full without a sample")
	}
}

func TestAWindowHasAtLeastOneTimestep(t *testing.T) {
	for _, n := range []int{0, -1, maxTimesteps + 1} {
		_, errWindow := lagging(t, "").NewWindow(n)
		if _, err := lagging(t, "").NewSequence(n); err == nil || errWindow == nil {
			t.Errorf("%d was taken", n)
		}
	}
}
