package predictor

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/golden"
)

// WithBatch lets PredictBatch take up to rows rows in one call. Each slot is bound for each number of rows up to that, over
// memory for the most, so a prediction still allocates nothing; and Open proves the golden rows in batches too, as a model may
// compute a row from those beside it.
func WithBatch(rows int) Option {
	return func(o *options) { o.batch = rows }
}

// rowSlots are the slots for 2 rows and more that share one memory, those for most rows, the owner of it, last.
type rowSlots []*engine.Slot

// of returns the slot for rows rows.
func (r rowSlots) of(rows int) *engine.Slot { return r[rows-2] }

// close closes whatever was made, the owner of the memory after its views.
func (r rowSlots) close() error {
	var err error
	for _, slot := range r {
		if slot != nil {
			err = errors.Join(err, slot.Close())
		}
	}
	return err
}

func checkBatch(meta *bundle.Metadata, batch int) error {
	if batch < 1 {
		return fmt.Errorf("predictor: batches of %d rows, expected at least 1", batch)
	}
	for _, tensors := range [][]bundle.Tensor{meta.Inputs, meta.Outputs} {
		for _, tensor := range tensors {
			if most := bundle.MaxRowElements / tensor.Shape.Elements(); batch > most {
				return fmt.Errorf("predictor: batches of %d rows, expected at most %d for %s of shape %v", batch, most, tensor.Name, tensor.Shape)
			}
		}
	}
	return nil
}

// addBatches makes what slot needs to be used for batches.
func (p *Predictor) addBatches(slot *engine.Slot) error {
	if p.batch == 1 {
		return nil
	}
	owner, err := p.session.NewSlot(p.batch)
	if err != nil {
		return err
	}
	slots := make(rowSlots, p.batch-1)
	slots[p.batch-2] = owner
	p.batches[slot] = slots // so that Close finds what there is when the rest fails
	for rows := 2; rows < p.batch; rows++ {
		if slots[rows-2], err = owner.View(rows); err != nil {
			return err
		}
	}
	return nil
}

// proveBatches predicts the golden rows in batches of the most rows, at least once in every slot: they are taken in turn.
func (p *Predictor) proveBatches() error {
	if p.batch == 1 {
		return nil
	}
	for range p.made {
		if _, err := golden.CheckBatches(p.bundle, p.batch, goldenBatches{p}); err != nil {
			return fmt.Errorf("predictor: batches of %d rows: %w", p.batch, err)
		}
	}
	return nil
}

// goldenBatches is what the golden check of batches sees of a Predictor.
type goldenBatches struct{ predictor *Predictor }

func (g goldenBatches) Predict(dst []Output, src [][]float32) error {
	return g.predictor.PredictBatch(context.Background(), dst, src[0])
}

// NewBatch returns buffers for rows rows, row after row in each output.
func (p *Predictor) NewBatch(rows int) Outputs {
	out := make(Outputs, len(p.bundle.Metadata.Outputs))
	for i, output := range p.bundle.Metadata.Outputs {
		out[i] = output.NewOutput(rows)
	}
	return out
}

// PredictBatch computes as many rows as windows holds, one after another, each as Predict takes it, into out from NewBatch of
// that number. All are computed in one call of the model, in one slot. More rows than WithBatch allows are a *BatchError;
// everything else is as in Predict.
func (p *Predictor) PredictBatch(ctx context.Context, out Outputs, windows []float32) error {
	input := &p.bundle.Metadata.Inputs[0]
	n := input.Shape.Elements()
	rows := len(windows) / n
	if rows == 0 || rows*n != len(windows) {
		return &LengthError{Tensor: input.Name, DType: input.DType, Found: len(windows), Expected: max(1, rows) * n}
	}
	if rows > p.batch {
		return &BatchError{Rows: rows, Limit: p.batch}
	}
	if rows == 1 {
		return p.Predict(ctx, out, windows)
	}
	if err := checkOutputs(out, p.bundle.Metadata.Outputs, rows); err != nil {
		return err
	}
	slot, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { p.slots <- slot }()
	src := [1][]float32{windows}
	return p.batches[slot].of(rows).Predict(out, src[:])
}
