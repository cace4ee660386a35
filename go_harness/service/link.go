package service

import "math"

// Link is what a network link is expected to do.
type Link struct {
	BandwidthMbps float64
	LatencyMs     float64 // round trip
	PacketLoss    float64 // share of packets, 0 to 1
	JitterMs      float64
	Confidence    float64 // 0 to 1
}

// LinkLimits bound what OptimalStreamCount and OptimalBufferSize answer. Where nothing is known they answer the fallback.
type LinkLimits struct {
	MinStreams      int
	MaxStreams      int
	FallbackStreams int
	MinBuffer       int // bytes
	MaxBuffer       int
	FallbackBuffer  int
}

// DefaultLinkLimits are the owners' bounds.
func DefaultLinkLimits() LinkLimits {
	return LinkLimits{MinStreams: 2, MaxStreams: 256, FallbackStreams: 4, MinBuffer: 16 << 10, MaxBuffer: 1 << 20, FallbackBuffer: 64 << 10}
}

const (
	bytesPerMbit = 1e6 / 8
	msPerSecond  = 1e3
	// segmentBytes is TCP's payload in an Ethernet frame of 1500 bytes, with time stamps.
	segmentBytes = 1448
	// mathisConstant is √(3/2), for a receiver that acknowledges every segment (Mathis, Semke, Mahdavi, Ott, 1997).
	mathisConstant = 1.22474487139158904909864203735294569
	// jitterDeviations is how much jitter a timeout waits for: RTO = SRTT + 4·RTTVAR (RFC 6298).
	jitterDeviations = 4
	// pageBytes is what buffers are rounded up to.
	pageBytes = 4096
)

// StreamCount returns how many parallel streams fill the link:
//
//	n = ⌈B / r⌉,  r = min(W / T, C · S / (T · √p))
//
// B is the bandwidth in bytes/s, T the round trip in s, W the largest buffer in bytes, S a segment's bytes, p the packet loss
// and C = √(3/2). r, in bytes/s, is what one stream reaches: its window a round trip, or what loss lets it have by Mathis'
// formula. A loss of 0 leaves the window alone.
//
// By the confidence c it goes from the fallback to that: round((1 − c) · fallback + c · n). A link whose values are not finite,
// or whose bandwidth or latency is not above 0, gets the fallback.
func (l LinkLimits) StreamCount(link Link) int {
	if !link.usable() {
		return l.FallbackStreams
	}
	c := link.confidence()
	n := (1-c)*float64(l.FallbackStreams) + c*l.streams(link)
	return int(bounded(math.Round(n), l.MinStreams, l.MaxStreams))
}

// streams is n, within the limits.
func (l LinkLimits) streams(link Link) float64 {
	roundTrip := link.LatencyMs / msPerSecond
	rate := float64(l.MaxBuffer) / roundTrip
	if link.PacketLoss > 0 {
		rate = min(rate, mathisConstant*segmentBytes/(roundTrip*math.Sqrt(link.PacketLoss)))
	}
	return bounded(math.Ceil(link.BandwidthMbps*bytesPerMbit/rate), l.MinStreams, l.MaxStreams)
}

// BufferSize returns the bytes that each of StreamCount streams should buffer: its share of the bandwidth-delay product,
//
//	b = (2 − c) · B · (T + 4 · J) / n
//
// B is the bandwidth in bytes/s, T the round trip and J the jitter in s, c the confidence, and n the StreamCount. Less confidence
// asks for more, up to twice as much: a buffer that is too small costs throughput, one that is too large only memory. It is
// rounded up to 4096 bytes. A link whose values are not finite, or whose bandwidth or latency is not above 0, gets the fallback,
// and so does one of confidence 0: nothing says that its values are any good.
func (l LinkLimits) BufferSize(link Link) int {
	if !link.usable() || link.confidence() == 0 {
		return l.FallbackBuffer
	}
	delay := (link.LatencyMs + jitterDeviations*max(0, link.JitterMs)) / msPerSecond
	product := (2 - link.confidence()) * link.BandwidthMbps * bytesPerMbit * delay
	size := product / float64(l.StreamCount(link))
	return int(bounded(math.Ceil(size/pageBytes)*pageBytes, l.MinBuffer, l.MaxBuffer))
}

func (k Link) usable() bool {
	for _, value := range []float64{k.BandwidthMbps, k.LatencyMs, k.PacketLoss, k.JitterMs, k.Confidence} {
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return false
		}
	}
	return k.BandwidthMbps > 0 && k.LatencyMs > 0
}

func (k Link) confidence() float64 {
	return min(max(k.Confidence, 0), 1)
}

func bounded(value float64, low, high int) float64 {
	return min(max(value, float64(low)), float64(high))
}
