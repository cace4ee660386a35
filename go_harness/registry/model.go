package registry

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Model is a handle on what serves now: on the version that `latest` names, or for ever on the one that Get was asked for. Any
// number of goroutines may use it, and nobody notices when the version changes.
type Model struct {
	registry *Registry
	key      key

	current atomic.Pointer[Version] // never nil in a handle that a caller has
	closed  atomic.Bool

	changing sync.Mutex // held by whoever loads or unloads
	failure  failure    // of the last attempt; guarded by changing

	noting sync.Mutex
	status Status // guarded by noting
}

// Name returns the model's name.
func (m *Model) Name() string { return m.key.name }

// Version returns what serves at this moment. To predict with it, Acquire it.
func (m *Model) Version() *Version { return m.current.Load() }

// Bundle returns what is served at this moment. It is shared: do not change it.
func (m *Model) Bundle() *bundle.Bundle { return m.Version().Bundle() }

// NewOutputs returns buffers for one prediction at a time: reuse them, one per goroutine. They fit every version that the
// handle will serve, unless the registry was opened WithContractChanges.
func (m *Model) NewOutputs() predictor.Outputs { return m.Version().NewOutputs() }

// NewBatch returns buffers for rows rows, to which the same applies.
func (m *Model) NewBatch(rows int) predictor.Outputs { return m.Version().NewBatch(rows) }

// Output returns the index in the outputs of the one named name. Ask once: it is the same for every version that the handle
// will serve, unless the registry was opened WithContractChanges.
func (m *Model) Output(name string) (int, bool) { return m.Version().Output(name) }

// CheckChannels compares the columns that a service feeds, in its order, with those of the model. The first difference is a
// *predictor.ChannelError. Once is enough: a version of other channels is not served by the same handle, unless the registry
// was opened WithContractChanges.
func (m *Model) CheckChannels(channels []string) error { return m.Version().CheckChannels(channels) }

// Acquire returns the version that serves now, and keeps it loaded until Release: for several predictions of one version, or
// to prepare a window by its bundle. It allocates nothing.
func (m *Model) Acquire() (*Version, error) {
	for !m.closed.Load() {
		if v := m.current.Load(); v.retain() {
			return v, nil
		}
		// It was replaced, and its last user gone, in between: the next one is in place already.
	}
	return nil, ErrClosed
}

// Predict computes one row with the version that serves now, as predictor.Predict does: the whole answer is that version's,
// and no prediction fails because the version changes. It allocates nothing unless it fails, and then out is unchanged.
func (m *Model) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	_, err := m.PredictVersion(ctx, out, window)
	return err
}

// PredictVersion is Predict, and returns the version that answered, whose Anomaly and Label judge the outputs: another one may
// have another threshold. It is nil where the call failed before it had a version.
func (m *Model) PredictVersion(ctx context.Context, out predictor.Outputs, window []float32) (*Version, error) {
	v, err := m.Acquire()
	if err != nil {
		return nil, err
	}
	defer v.Release()
	return v, v.Predict(ctx, out, window)
}

// PredictBatch computes several rows as predictor.PredictBatch does, all of them with the version that serves now; the registry
// says how many rows WithBatch. It returns the version that answered, as PredictVersion does.
func (m *Model) PredictBatch(ctx context.Context, out predictor.Outputs, windows []float32) (*Version, error) {
	v, err := m.Acquire()
	if err != nil {
		return nil, err
	}
	defer v.Release()
	return v, v.PredictBatch(ctx, out, windows)
}

// Reload looks at what `latest` names and serves that. When that version fails, the one that serves goes on, and the reason is
// a *LoadError. It waits for another load of the same model. A handle from Get stays with its version.
func (m *Model) Reload() error {
	return m.follow(true)
}

// Unload gives the handle up: later predictions fail with ErrClosed, and the model is unloaded when those that run are over,
// unless another handle serves the same version. The registry makes a new handle for whoever asks for the model again.
func (m *Model) Unload() {
	m.changing.Lock()
	defer m.changing.Unlock()
	// Forgotten only when no load of it runs: Close waits for those that it knows.
	m.registry.forget(m)
	if !m.closed.Swap(true) {
		m.current.Load().Release()
	}
}
