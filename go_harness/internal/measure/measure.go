// Package measure times one call again and again: wall time and the thread's CPU time, warmed up first. Its caller locks
// the goroutine to its thread; otherwise the CPU time is another thread's.
package measure

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Warm-up, as every report states it.
	minWarmUpCalls  = 50
	minWarmUp       = 500 * time.Millisecond
	windowCalls     = 100
	stableWindows   = 3
	stableSpread    = 1.10 // the windows' medians lie within 10 %
	maxSettling     = 10 * time.Second
	maxReservedSize = 1 << 22 // samples reserved at most; more are appended
)

// Sample is one call. The CPU time is read outside the wall time's interval, so it includes two clock readings.
type Sample struct {
	WallNs int64
	CPUNs  int64
}

// Clock reads times in nanoseconds from origins of its own.
type Clock interface {
	WallNs() int64
	CPUNs() int64
}

// Plan says when enough was measured: calls and time have to be reached both, unless it takes longer than Most, where that is
// not zero. A hopelessly slow model is known as one long before.
type Plan struct {
	Calls int
	Time  time.Duration
	Most  time.Duration
}

// met tells whether calls and the nanoseconds they took are enough.
func (p Plan) met(calls int, elapsed int64) bool {
	if p.Most > 0 && calls > 0 && elapsed >= int64(p.Most) {
		return true
	}
	return calls >= p.Calls && elapsed >= int64(p.Time)
}

// WarmUp is what was called before measuring. Stable is false when the medians had not settled within ten seconds.
type WarmUp struct {
	Calls  int
	Stable bool
	// FastestNs is the smallest median of a window, or of the last calls where they were too slow to fill one.
	FastestNs int64
}

// Warm calls until there were enough calls and time, and then until the medians of three windows agree.
func Warm(clock Clock, call func() error) (WarmUp, error) {
	var warm WarmUp
	begin := clock.WallNs()
	enough := Plan{Calls: minWarmUpCalls, Time: minWarmUp, Most: maxSettling}
	for !enough.met(warm.Calls, clock.WallNs()-begin) {
		if err := call(); err != nil {
			return warm, err
		}
		warm.Calls++
	}
	var medians []int64
	window := make([]int64, 0, windowCalls)
	begin = clock.WallNs()
	for !warm.Stable && clock.WallNs()-begin < int64(maxSettling) {
		window = window[:0]
		for len(window) == 0 || len(window) < windowCalls && clock.WallNs()-begin < int64(maxSettling) {
			start := clock.WallNs()
			if err := call(); err != nil {
				return warm, err
			}
			window = append(window, clock.WallNs()-start)
		}
		warm.Calls += len(window)
		slices.Sort(window)
		medians = append(medians, window[len(window)/2])
		warm.Stable = len(window) == windowCalls && settled(medians)
	}
	warm.FastestNs = slices.Min(medians)
	return warm, nil
}

func settled(medians []int64) bool {
	if len(medians) < stableWindows {
		return false
	}
	last := medians[len(medians)-stableWindows:]
	return float64(slices.Max(last)) <= stableSpread*float64(slices.Min(last))
}

// Reserve returns an empty buffer that plan's samples fit into when no call is twice as fast as the warm-up's windows.
func Reserve(plan Plan, warm WarmUp) []Sample {
	expected := 2 * int64(plan.Time) / max(warm.FastestNs, 1)
	return make([]Sample, 0, min(max(int64(plan.Calls), expected), maxReservedSize))
}

// Block runs plan, and returns the medians of both times, each on its own: the smallest that half of the calls do not exceed.
// The samples are returned for the next block to overwrite; nothing is allocated while they fit into buffer.
func Block(clock Clock, plan Plan, buffer []Sample, call func() error) (Sample, []Sample, error) {
	samples, _, err := Run(clock, plan, buffer[:0], call)
	if err != nil {
		return Sample{}, nil, err
	}
	middle := (len(samples) - 1) / 2
	slices.SortFunc(samples, func(a, b Sample) int { return cmp.Compare(a.CPUNs, b.CPUNs) })
	cpu := samples[middle].CPUNs
	slices.SortFunc(samples, func(a, b Sample) int { return cmp.Compare(a.WallNs, b.WallNs) })
	return Sample{WallNs: samples[middle].WallNs, CPUNs: cpu}, samples, nil
}

// Run appends samples to buffer until plan is met, and returns them with the time that it took.
func Run(clock Clock, plan Plan, buffer []Sample, call func() error) ([]Sample, time.Duration, error) {
	begin := clock.WallNs()
	for elapsed := int64(0); !plan.met(len(buffer), elapsed); elapsed = clock.WallNs() - begin {
		cpu := clock.CPUNs()
		start := clock.WallNs()
		err := call()
		wall := clock.WallNs() - start
		cpu = clock.CPUNs() - cpu
		if err != nil {
			return nil, 0, err
		}
		buffer = append(buffer, Sample{WallNs: wall, CPUNs: cpu})
	}
	return buffer, time.Duration(clock.WallNs() - begin), nil
}
