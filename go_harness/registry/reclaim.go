package registry

import (
	"sync"
	"sync/atomic"
	"time"
)

// reclaimInterval is between two times that memory is given back: it takes the C heap's locks, for which predictions that
// allocate wait. On two busy cores, 12 to 58 ms for a heap of half a GB, and one prediction that took 18 to 30 ms instead of 6.
// Without it, each reload of a 20 MB forest leaves 60 MB and more behind. debug.FreeOSMemory would return 35 MB of Go's heap
// sooner, for a full collection; Go returns them by itself.
const reclaimInterval = 100 * time.Millisecond

// reclaimer gives memory back after models were unloaded, away from predictions and not too often.
type reclaimer struct {
	trim    func() bool
	pending atomic.Bool   // somebody will do it
	stopped chan struct{} // closed when nobody may wait any more

	mu   sync.Mutex
	last time.Time // guarded by mu
}

func newReclaimer(trim func() bool) *reclaimer {
	return &reclaimer{trim: trim, stopped: make(chan struct{})}
}

// soon has memory given back that is free now, at once or after the interval; it waits unless somebody else does.
func (r *reclaimer) soon() {
	if !r.pending.CompareAndSwap(false, true) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.stopped: // now is called next
	case <-time.After(time.Until(r.last.Add(reclaimInterval))):
		r.pending.Store(false) // whoever frees something from here on has to ask again
		r.trim()
		r.last = time.Now()
	}
}

// now gives memory back without waiting.
func (r *reclaimer) now() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trim()
}

// stop has nobody wait any more.
func (r *reclaimer) stop() {
	close(r.stopped)
}
