package service

import (
	"math"
	"testing"
)

func TestStreamsFillTheLinkAsTheFormulaSays(t *testing.T) {
	l := DefaultLinkLimits()
	for name, c := range map[string]struct {
		link Link
		want int
	}{
		// 1000 Mbps over 80 ms are 10 MB in flight: 9.5 buffers of 1 MiB.
		"window": {Link{BandwidthMbps: 1000, LatencyMs: 80, Confidence: 1}, 10},
		// Mathis: 1.2247·1448/(0.08·√1e-4) = 2.217 MB/s a stream of 12.5 MB/s.
		"loss":            {Link{BandwidthMbps: 100, LatencyMs: 80, PacketLoss: 1e-4, Confidence: 1}, 6},
		"at least":        {Link{BandwidthMbps: 1, LatencyMs: 1, Confidence: 1}, 2},
		"at most":         {Link{BandwidthMbps: 1e6, LatencyMs: 500, PacketLoss: 0.5, Confidence: 1}, 256},
		"half sure":       {Link{BandwidthMbps: 1000, LatencyMs: 80, Confidence: 0.5}, 7},
		"not sure at all": {Link{BandwidthMbps: 1000, LatencyMs: 80}, 4},
		"nothing":         {Link{}, 4},
		"not a number":    {Link{BandwidthMbps: math.NaN(), LatencyMs: 80, Confidence: 1}, 4},
		"infinite":        {Link{BandwidthMbps: 10, LatencyMs: math.Inf(1), Confidence: 1}, 4},
		"negative":        {Link{BandwidthMbps: -10, LatencyMs: 80, Confidence: 1}, 4},
		"too sure":        {Link{BandwidthMbps: 1000, LatencyMs: 80, Confidence: 7}, 10},
	} {
		if got := l.StreamCount(c.link); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestBuffersHoldTheBandwidthDelayProduct(t *testing.T) {
	l := DefaultLinkLimits()
	pages := func(size float64) int { return int(math.Ceil(size/4096) * 4096) }
	for name, c := range map[string]struct {
		link Link
		want int
	}{
		"sure":        {Link{BandwidthMbps: 1000, LatencyMs: 80, Confidence: 1}, pages(1e7 / 10)},
		"with jitter": {Link{BandwidthMbps: 100, LatencyMs: 80, JitterMs: 5, Confidence: 1}, pages(12.5e6 * 0.1 / 2)},
		"less sure":   {Link{BandwidthMbps: 100, LatencyMs: 80, Confidence: 0.5}, pages(1.5 * 1e6 / 3)},
		"unsure":      {Link{BandwidthMbps: 100, LatencyMs: 80}, 64 << 10},
		"small":       {Link{BandwidthMbps: 1, LatencyMs: 1, Confidence: 1}, 16 << 10},
		"large":       {Link{BandwidthMbps: 1e6, LatencyMs: 500, Confidence: 1}, 1 << 20},
		"nothing":     {Link{Confidence: 1}, 64 << 10},
	} {
		if got := l.BufferSize(c.link); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestMoreConfidenceNeverAsksForALargerBufferInAll(t *testing.T) {
	l := DefaultLinkLimits()
	last := math.Inf(1)
	for c := 0.1; c <= 1; c += 0.1 {
		k := Link{BandwidthMbps: 300, LatencyMs: 60, Confidence: c}
		total := float64(l.StreamCount(k) * l.BufferSize(k))
		if rounding := float64(l.StreamCount(k) * pageBytes); total > last+rounding {
			t.Errorf("at %.1f: %v bytes, before %v", c, total, last)
		}
		last = total
	}
}
