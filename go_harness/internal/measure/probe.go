package measure

import "slices"

const (
	probeSlices = 11
	probeRounds = 512
	probeValues = 4096 // 16 KiB: they stay in the first cache, as a small model's weights almost do
)

// Probe does a fixed amount of arithmetic and returns the CPU time of its middle slice, so that one interrupt does not count.
// CPU time, not wall time: it is to tell how fast the processor is while it works for this thread. A busy sibling of its core,
// a lower clock and a full memory bus make the probe and the model slower alike; being preempted makes neither.
func Probe(clock Clock) int64 {
	values := make([]float32, probeValues)
	for i := range values {
		values[i] = 1 + float32(i%7)/8
	}
	taken := make([]int64, probeSlices)
	for i := range taken {
		begin := clock.CPUNs()
		values[i] += probeSlice(values) / (1 << 30) // used, so that it is computed
		taken[i] = clock.CPUNs() - begin
	}
	slices.Sort(taken)
	return taken[probeSlices/2]
}

// probeSlice keeps the arithmetic units busy: eight sums that do not wait for each other.
//
//go:noinline
func probeSlice(values []float32) float32 {
	var a, b, c, d, e, f, g, h float32
	for range probeRounds {
		for i := 0; i+8 <= len(values); i += 8 {
			v := values[i : i+8 : i+8]
			a += v[0] * 0.5
			b += v[1] * 0.5
			c += v[2] * 0.5
			d += v[3] * 0.5
			e += v[4] * 0.5
			f += v[5] * 0.5
			g += v[6] * 0.5
			h += v[7] * 0.5
		}
	}
	return a + b + c + d + e + f + g + h
}
