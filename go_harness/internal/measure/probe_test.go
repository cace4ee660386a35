package measure

import (
	"runtime"
	"testing"
)

func TestTheProbeIsTheSameWorkEachTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock, err := NewThreadClock()
	if err != nil {
		t.Fatal(err)
	}
	Probe(clock)
	fastest, slowest := Probe(clock), int64(0)
	for range 5 {
		taken := Probe(clock)
		fastest, slowest = min(fastest, taken), max(slowest, taken)
	}
	// Too short, and the clock's own reading counts; a busy neighbour may make it twice as slow, never faster.
	if fastest < 100_000 || slowest > 4*fastest {
		t.Errorf("a slice took %d to %d ns", fastest, slowest)
	}
}
