package observe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Past is a prediction that was made: when it began, how long it took, and what came of it. Outputs mean nothing where Err is
// set.
type Past struct {
	Begun   time.Time
	Took    time.Duration
	Outputs predictor.Outputs
	Err     error
}

// History keeps the last predictions, copied, in memory that it takes once. Any number of goroutines may use it.
type History struct {
	next  Predictor
	mu    sync.Mutex
	ring  []Past
	total int // predictions so far
}

// NewHistory wraps next and keeps the last n predictions; n is 1 at least.
func NewHistory(next Predictor, n int) (*History, error) {
	if n < 1 {
		return nil, fmt.Errorf("observe: a history of %d predictions, expected at least 1", n)
	}
	h := &History{next: next, ring: make([]Past, n)}
	for i := range h.ring {
		h.ring[i].Outputs = next.NewOutputs()
	}
	return h, nil
}

// NewOutputs returns the wrapped one's.
func (h *History) NewOutputs() predictor.Outputs { return h.next.NewOutputs() }

// Predict asks the wrapped one and keeps the answer. Predictions stand in the order in which they ended.
func (h *History) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	begun := time.Now()
	err := h.next.Predict(ctx, out, window)
	h.keep(begun, time.Since(begun), out, err)
	return err
}

func (h *History) keep(begun time.Time, took time.Duration, out predictor.Outputs, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	past := &h.ring[h.total%len(h.ring)]
	past.Begun, past.Took, past.Err = begun, took, err
	if err == nil {
		copyOutputs(past.Outputs, out)
	}
	h.total++
}

// Total is how many predictions there were, those included that are no longer kept.
func (h *History) Total() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// Last returns copies of the last n predictions that are kept, the oldest first.
func (h *History) Last(n int) []Past {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = max(min(n, h.total, len(h.ring)), 0)
	last := make([]Past, n)
	for i := range last {
		last[i] = h.ring[(h.total-n+i)%len(h.ring)]
		kept := last[i].Outputs
		last[i].Outputs = h.next.NewOutputs()
		copyOutputs(last[i].Outputs, kept)
	}
	return last
}

func copyOutputs(to, from predictor.Outputs) {
	for i := range to {
		copy(to[i].Float32, from[i].Float32)
		copy(to[i].Int64, from[i].Int64)
	}
}
