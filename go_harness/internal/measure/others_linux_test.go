package measure

import (
	"math"
	"testing"
	"time"
)

func TestCountsWhatOthersUsed(t *testing.T) {
	before := Processors{wallNs: 0, allNs: 5e9, ownNs: 1e9}
	after := Processors{wallNs: 2e9, allNs: 8e9, ownNs: 3e9}
	if got := after.OthersCores(before); got != 0.5 {
		t.Errorf("got %v", got)
	}
	// Ticks are coarse: a process can have used more than the machine has counted so far.
	if got := (Processors{wallNs: 1e9, ownNs: 1e9}).OthersCores(Processors{}); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestReadsTheMachinesTicks(t *testing.T) {
	got, err := busyNs([]byte("cpu  1 2 3 1000 2000 4 5 6 7 8\ncpu0 9 9\n"))
	if err != nil || got != 21*tickNs {
		t.Errorf("got %d, %v", got, err)
	}
	for _, stat := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n", "cpu 1 2 x 4 5 6 7 8 9\n", "cpu 0 0 0 0 0 0 0 0 0 0\n"} {
		if got, err := busyNs([]byte(stat)); err == nil {
			t.Errorf("%q: got %d", stat, got)
		}
	}
}

func TestItsOwnWorkIsNotOthers(t *testing.T) {
	clock, err := NewThreadClock()
	if err != nil {
		t.Fatal(err)
	}
	before, err := ReadProcessors(clock)
	if err != nil {
		t.Skipf("this kernel does not count: %v", err)
	}
	after := before
	for begin := time.Now(); after.ownNs-before.ownNs < 20e6; { // however long a busy machine takes to give it that
		if after, err = ReadProcessors(clock); err != nil || time.Since(begin) > time.Minute {
			t.Fatalf("%d ns of its own, %v", after.ownNs-before.ownNs, err)
		}
	}
	if others := after.OthersCores(before); math.IsNaN(others) || others < 0 {
		t.Errorf("others used %v cores", others)
	}
}
