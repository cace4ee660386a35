package service

import "slices"

// none is the index of a target that the model does not have.
const none = -1

// linkIndex says which targets are a link's.
type linkIndex struct{ bandwidth, latency, loss, jitter int }

func indexOf(names LinkTargets, targets []string) linkIndex {
	at := func(name string) int { return slices.Index(targets, name) }
	return linkIndex{at(names.BandwidthMbps), at(names.LatencyMs), at(names.PacketLoss), at(names.JitterMs)}
}

func (i linkIndex) of(values []float64) Link {
	at := func(target int) float64 {
		if target == none {
			return 0 // a link without bandwidth or latency gets the fallback
		}
		return values[target]
	}
	return Link{BandwidthMbps: at(i.bandwidth), LatencyMs: at(i.latency), PacketLoss: at(i.loss), JitterMs: at(i.jitter)}
}

// Expected returns what the link is expected to do, its quantities each c · predicted + (1 − c) · measured, c being the
// prediction's confidence and measured the last measurement: a model that has not proven itself yet is no better than that
// things stay as they are. Without a measurement it is the prediction alone. It is false where there is no valid prediction, or
// where the model predicts neither bandwidth nor latency.
func (s *Service) Expected() (Link, bool) {
	p, ok := s.Latest()
	if !ok || s.link.bandwidth == none || s.link.latency == none {
		return Link{}, false
	}
	s.mu.Lock()
	measured := s.measured
	s.mu.Unlock()
	link := s.link.of(p.Values)
	if measured != nil {
		link = mixed(link, s.link.of(measured), p.Confidence)
	}
	link.Confidence = p.Confidence
	return link, true
}

func mixed(predicted, measured Link, c float64) Link {
	mix := func(a, b float64) float64 { return c*a + (1-c)*b }
	return Link{
		BandwidthMbps: mix(predicted.BandwidthMbps, measured.BandwidthMbps), LatencyMs: mix(predicted.LatencyMs, measured.LatencyMs),
		PacketLoss: mix(predicted.PacketLoss, measured.PacketLoss), JitterMs: mix(predicted.JitterMs, measured.JitterMs),
	}
}

// OptimalStreamCount returns how many parallel streams fill the link that is expected, as LinkLimits.StreamCount says; the
// fallback where nothing is.
func (s *Service) OptimalStreamCount() int {
	link, _ := s.Expected() // a Link that is not known gets the fallback
	return s.config.Limits.StreamCount(link)
}

// OptimalBufferSize returns how many bytes each of OptimalStreamCount streams should buffer, as LinkLimits.BufferSize says; the
// fallback where nothing is expected.
func (s *Service) OptimalBufferSize() int {
	link, _ := s.Expected()
	return s.config.Limits.BufferSize(link)
}
