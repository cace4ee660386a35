package measure

import (
	"runtime"
	"testing"
	"time"
)

func TestThreadClockCountsWorkAndNotSleep(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock, err := NewThreadClock()
	if err != nil {
		t.Fatal(err)
	}
	wall, cpu := clock.WallNs(), clock.CPUNs()
	time.Sleep(50 * time.Millisecond)
	if slept, worked := clock.WallNs()-wall, clock.CPUNs()-cpu; slept < 50e6 || worked > slept/2 {
		t.Errorf("slept %d ns, worked %d ns", slept, worked)
	}
	cpu = clock.CPUNs()
	for clock.CPUNs()-cpu < 1e6 {
		continue
	}
	if allocations := testing.AllocsPerRun(100, func() { clock.CPUNs(); clock.WallNs() }); allocations != 0 {
		t.Errorf("%v allocations a reading", allocations)
	}
}

func TestReadsThisProcess(t *testing.T) {
	self, err := Self()
	if err != nil || self.PeakBytes < 1<<20 || self.Threads < 1 {
		t.Errorf("got %+v, %v", self, err)
	}
	if _, err := statusNumber([]byte("Name:\tx\nVmPeak:\t1 kB\n"), "VmHWM:"); err == nil {
		t.Error("a missing line was read")
	}
}
