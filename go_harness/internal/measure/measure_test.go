package measure

import (
	"errors"
	"testing"
	"time"
)

// fakeClock advances by what the calls say they take.
type fakeClock struct {
	wall, cpu int64
}

func (c *fakeClock) WallNs() int64 { return c.wall }
func (c *fakeClock) CPUNs() int64  { return c.cpu }

func (c *fakeClock) take(wall, cpu time.Duration) {
	c.wall += int64(wall)
	c.cpu += int64(cpu)
}

func TestWarmsUpUntilTheMediansSettle(t *testing.T) {
	var clock fakeClock
	calls := 0
	warm, err := Warm(&clock, func() error {
		calls++
		duration := time.Millisecond
		if calls < 600 {
			duration = 10*time.Millisecond - time.Duration(calls)*10*time.Microsecond
		}
		clock.take(duration, 0)
		return nil
	})
	if err != nil || !warm.Stable || warm.Calls != calls || warm.FastestNs != int64(time.Millisecond) {
		t.Errorf("got %+v after %d calls, %v", warm, calls, err)
	}
	if calls < 600+2*windowCalls {
		t.Errorf("stopped after %d calls, before three windows of the final speed", calls)
	}
}

func TestWarmsUpForHalfASecondAtLeast(t *testing.T) {
	var clock fakeClock
	warm, err := Warm(&clock, func() error { clock.take(time.Microsecond, 0); return nil })
	if want := int(minWarmUp/time.Microsecond) + stableWindows*windowCalls; err != nil || warm.Calls != want {
		t.Errorf("got %d calls, want %d", warm.Calls, want)
	}
}

func TestSaysWhenTheMediansDoNotSettle(t *testing.T) {
	var clock fakeClock
	duration := time.Microsecond
	warm, err := Warm(&clock, func() error {
		duration += duration / 500 // 22 % a window
		clock.take(duration, 0)
		return nil
	})
	if err != nil || warm.Stable {
		t.Errorf("got %+v, %v", warm, err)
	}
}

func TestASlowModelIsNotWarmedUpForMinutes(t *testing.T) {
	var clock fakeClock
	warm, err := Warm(&clock, func() error { clock.take(time.Second, 0); return nil })
	if want := 2 * int(maxSettling/time.Second); err != nil || warm.Stable || warm.Calls != want || warm.FastestNs != int64(time.Second) {
		t.Errorf("got %+v, %v, want %d calls", warm, err, want)
	}
}

func TestMeasuresUntilCallsAndTimeAreReached(t *testing.T) {
	for _, c := range []struct {
		plan Plan
		want int
	}{
		{Plan{Calls: 10, Time: 0}, 10},
		{Plan{Calls: 10, Time: time.Second}, 100},
		{Plan{Calls: 200, Time: time.Second}, 200},
		{Plan{Calls: 200, Time: time.Second, Most: 500 * time.Millisecond}, 50},
		{Plan{Calls: 200, Time: time.Second, Most: 5 * time.Second}, 200},
		{Plan{Calls: 2, Time: 0, Most: time.Nanosecond}, 1},
	} {
		var clock fakeClock
		samples, elapsed, err := Run(&clock, c.plan, nil, func() error { clock.take(10*time.Millisecond, 4*time.Millisecond); return nil })
		if err != nil || len(samples) != c.want || elapsed != time.Duration(c.want)*10*time.Millisecond {
			t.Errorf("%+v: got %d samples in %v, %v", c.plan, len(samples), elapsed, err)
		}
		if want := (Sample{WallNs: 1e7, CPUNs: 4e6}); samples[0] != want {
			t.Errorf("got %+v, want %+v", samples[0], want)
		}
	}
}

func TestABlockIsTheMediansOfBothTimes(t *testing.T) {
	walls, cpus := []time.Duration{1, 9, 5, 7, 3, 8}, []time.Duration{10, 50, 40, 20, 30, 60} // in different calls
	for calls, want := range map[int]Sample{1: {1, 10}, 5: {5, 30}, 6: {5, 30}} {
		var clock fakeClock
		next := 0
		stale := make([]Sample, 3, 8)
		got, samples, err := Block(&clock, Plan{Calls: calls}, stale, func() error {
			clock.take(walls[next], cpus[next])
			next++
			return nil
		})
		if err != nil || got != want || len(samples) != calls || &samples[0] != &stale[0] {
			t.Errorf("%d calls: got %+v of %d, want %+v, %v", calls, got, len(samples), want, err)
		}
	}
}

func TestABlockAllocatesNothing(t *testing.T) {
	var clock fakeClock
	call := func() error { clock.take(time.Millisecond, time.Millisecond); return nil }
	plan := Plan{Calls: 1000}
	buffer := Reserve(plan, WarmUp{})
	allocations := testing.AllocsPerRun(10, func() {
		var err error
		if _, buffer, err = Block(&clock, plan, buffer, call); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a block of 1000 calls", allocations)
	}
}

func TestReservesWhatThePlanNeeds(t *testing.T) {
	warm := WarmUp{FastestNs: int64(time.Millisecond)}
	for plan, want := range map[Plan]int{
		{Calls: 10, Time: time.Second}:    2000,
		{Calls: 5000, Time: time.Second}:  5000,
		{Calls: 1, Time: time.Hour * 100}: maxReservedSize,
	} {
		if got := Reserve(plan, warm); cap(got) != want || len(got) != 0 {
			t.Errorf("%+v: reserved %d", plan, cap(got))
		}
	}
}

func TestStopsAtTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	var clock fakeClock
	if _, err := Warm(&clock, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, _, err := Run(&clock, Plan{Calls: 1}, nil, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, _, err := Block(&clock, Plan{Calls: 1}, nil, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
