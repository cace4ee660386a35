// Package predictor serves one bundle: it proves it on opening, and then predicts from any goroutine without allocating.
package predictor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/golden"
)

// Output is one row of an output, flat and row-major, in the slice that its dtype names; the other one is nil.
type Output = bundle.Output

// Outputs is one prediction: Outputs[i] is one row of Bundle().Metadata.Outputs[i]. NewOutputs makes it.
type Outputs []Output

// Predictor runs a bundle's model. Any number of goroutines may use it. It comes from Open.
type Predictor struct {
	bundle  *bundle.Bundle
	session *engine.Session
	slots   chan *engine.Slot // the idle ones; receiving one is the permission to run
	made    int               // slots, idle or not
	batch   int               // the most rows of one PredictBatch
	batches map[*engine.Slot]rowSlots
	judged  int // the output that the decision judges
	label   int // the output that names a class, or none
	witness int // the output whose NaN says that a row was not answered, or none
	closing chan struct{}
	close   func() error
}

// Option changes how Open sets up a Predictor.
type Option func(*options)

type options struct {
	slots int
	batch int
}

// WithSlots sets how many predictions run at once; more callers queue. The default is GOMAXPROCS divided by the bundle's
// threads within one call, at least 1: more would only make each other slower.
func WithSlots(n int) Option {
	return func(o *options) { o.slots = n }
}

// Open opens the bundle in path, a version's folder or a model's with `latest`. It checks the metadata against its schema and
// every file against its hash, loads the model, predicts the golden rows and warms up every slot, so that what it returns
// serves at full speed. A bundle that is wrong is a *bundle.Error or a *SignatureError; one that this runtime does not
// reproduce is a *Mismatch, and one whose features this program does not, a *FeatureMismatch.
func Open(rt *dwcpc.Runtime, path string, opts ...Option) (*Predictor, error) {
	folder, err := versionFolder(path)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(folder)
	if err != nil {
		return nil, err
	}
	return OpenBundle(rt, b, opts...)
}

// OpenBundle opens a bundle that was read already, as Open does. The Predictor keeps it, without the model's bytes: they are
// nil afterwards.
func OpenBundle(rt *dwcpc.Runtime, b *bundle.Bundle, opts ...Option) (*Predictor, error) {
	meta := &b.Metadata
	if n := len(meta.Inputs); n != 1 {
		return nil, &bundle.Error{
			Path: filepath.Join(b.Dir, bundle.MetadataFile), Field: "inputs", Found: fmt.Sprintf("a list of %d", n), Expected: "one input, all that Predict takes",
			Remedy: "merge the inputs into one",
		}
	}
	judged, err := judgedIndex(b)
	if err != nil {
		return nil, err
	}
	o := options{batch: 1, slots: max(1, runtime.GOMAXPROCS(0)/meta.Runtime.Session.IntraOpThreads)}
	for _, apply := range opts {
		apply(&o)
	}
	if o.slots < 1 {
		return nil, fmt.Errorf("predictor: %d slots, expected at least 1", o.slots)
	}
	if err := checkBatch(meta, o.batch); err != nil {
		return nil, err
	}
	if err := golden.CheckFeatures(b); err != nil {
		return nil, err
	}
	session, err := rt.Engine().NewSession(b.Model, meta.Runtime.Session, meta.Model.RowsPerCall(), meta.Inputs, meta.Outputs)
	if err != nil {
		return nil, err
	}
	b.Model = nil // the runtime has its own copy
	p := &Predictor{
		bundle: b, session: session, slots: make(chan *engine.Slot, o.slots), judged: judged, label: labelIndex(meta), witness: witnessIndex(meta),
		batch: o.batch, batches: map[*engine.Slot]rowSlots{}, closing: make(chan struct{}),
	}
	p.close = sync.OnceValue(p.shut)
	if err := p.start(o.slots); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// start makes the slots, predicts the golden rows, and runs every slot at least once: they are taken in turn.
func (p *Predictor) start(slots int) error {
	for range slots {
		slot, err := p.session.NewSlot(1)
		if err != nil {
			return err
		}
		p.slots <- slot
		p.made++
		if err := p.addBatches(slot); err != nil {
			return err
		}
	}
	if _, err := golden.Check(p.bundle, goldenRows{p}); err != nil {
		return err
	}
	out, row := p.NewOutputs(), p.bundle.Golden.Inputs[0][:p.bundle.Metadata.Inputs[0].Shape.Elements()]
	for range slots {
		if err := p.Predict(context.Background(), out, row); err != nil {
			return err
		}
	}
	return p.proveBatches()
}

// goldenRows is what the golden check sees of a Predictor.
type goldenRows struct{ predictor *Predictor }

func (g goldenRows) Predict(dst []Output, src [][]float32) error {
	return g.predictor.Predict(context.Background(), dst, src[0])
}

// Bundle returns what is served, without the model's bytes. It is shared: do not change it.
func (p *Predictor) Bundle() *bundle.Bundle {
	return p.bundle
}

// Output returns the index in Outputs of the output named name. Ask once, not for each prediction.
func (p *Predictor) Output(name string) (int, bool) {
	return outputIndex(p.bundle, name)
}

func outputIndex(b *bundle.Bundle, name string) (int, bool) {
	i := slices.IndexFunc(b.Metadata.Outputs, func(output bundle.Tensor) bool { return output.Name == name })
	return i, i >= 0
}

// NewOutputs returns buffers for one prediction at a time: reuse them, one per goroutine.
func (p *Predictor) NewOutputs() Outputs {
	return p.NewBatch(1)
}

// Predict computes one row: window is flat and row-major, of the shape, channels and units of Bundle().Metadata.Inputs[0],
// and scaled by the caller only where Metadata.Scaler.Applied is "host". A window that is not finite is no error here; its
// outputs are as the bundle's non_finite says.
//
// It queues while all slots run, until ctx is done; its error is then ctx.Err(), wrapped. A prediction that runs is never
// interrupted. Slices of other lengths are a *LengthError. It allocates nothing unless it fails, and then out is unchanged.
func (p *Predictor) Predict(ctx context.Context, out Outputs, window []float32) error {
	input := &p.bundle.Metadata.Inputs[0]
	if n := input.Shape.Elements(); len(window) != n {
		return &LengthError{Tensor: input.Name, DType: input.DType, Found: len(window), Expected: n}
	}
	if err := checkOutputs(out, p.bundle.Metadata.Outputs, 1); err != nil {
		return err
	}
	slot, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { p.slots <- slot }()
	src := [1][]float32{window}
	return slot.Predict(out, src[:])
}

// acquire takes an idle slot. Whoever is cancelled or comes after Close gets none, even where one is idle.
func (p *Predictor) acquire(ctx context.Context) (*engine.Slot, error) {
	select {
	case <-p.closing:
		return nil, ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return nil, notRun(err)
	}
	select {
	case slot := <-p.slots:
		return slot, nil
	default: // one case is much faster than the three below
	}
	select {
	case slot := <-p.slots:
		return slot, nil
	case <-ctx.Done():
		return nil, notRun(ctx.Err())
	case <-p.closing:
		return nil, ErrClosed
	}
}

func notRun(err error) error {
	return fmt.Errorf("predictor: not run: %w", err)
}

// checkOutputs makes sure that out holds rows rows.
func checkOutputs(out Outputs, tensors []bundle.Tensor, rows int) error {
	if len(out) != len(tensors) {
		return &LengthError{Tensor: "outputs", Found: len(out), Expected: len(tensors)}
	}
	for i := range tensors {
		floats, labels := rows*tensors[i].Shape.Elements(), 0
		if tensors[i].DType == bundle.DTypeInt64 {
			floats, labels = 0, floats
		}
		if n := len(out[i].Float32); n != floats {
			return &LengthError{Tensor: tensors[i].Name, DType: bundle.DTypeFloat32, Found: n, Expected: floats}
		}
		if n := len(out[i].Int64); n != labels {
			return &LengthError{Tensor: tensors[i].Name, DType: bundle.DTypeInt64, Found: n, Expected: labels}
		}
	}
	return nil
}

// Close waits for the predictions that run and unloads the model; queued and later ones fail with ErrClosed. Closing again
// returns the same.
func (p *Predictor) Close() error {
	return p.close()
}

func (p *Predictor) shut() error {
	close(p.closing)
	var err error
	for range p.made {
		slot := <-p.slots
		err = errors.Join(err, p.batches[slot].close(), slot.Close())
	}
	return errors.Join(err, p.session.Close())
}
