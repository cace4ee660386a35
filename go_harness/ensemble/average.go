package ensemble

import (
	"context"
	"fmt"
	"math"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Average answers with the weighted mean of its members' float32 outputs, and with the weighted majority of their int64 ones,
// value by value:
//
//	y = Σ w_i·y_i / Σ w_i    in float64, over the members i that answered
//
// Of two values with the same weight behind them the smaller is taken. Any number of goroutines may use an Average. It comes
// from NewAverage, and is a Model itself: a member's Label and Anomaly read its outputs.
type Average struct {
	panel *panel
	like  predictor.Outputs // the shape
}

// NewAverage makes an Average of members, all with outputs of the same types and sizes.
func NewAverage(members []Member, opts ...Option) (*Average, error) {
	p, err := newPanel(members, longest, opts)
	if err != nil {
		return nil, err
	}
	a := &Average{panel: p, like: p.members[0].Model.NewOutputs()}
	for _, member := range p.members[1:] {
		if got := member.Model.NewOutputs(); !sameShape(got, a.like) {
			return nil, &ShapeError{Member: member.Name, First: p.members[0].Name, Found: shape(got), Expected: shape(a.like)}
		}
	}
	return a, nil
}

// NewOutputs returns buffers for one prediction at a time, as the members' own do.
func (a *Average) NewOutputs() predictor.Outputs {
	return a.panel.members[0].Model.NewOutputs()
}

// Predict asks the members and averages what they answer into out, which is unchanged if it fails. A member fails if its
// Predict does, and with predictor.ErrNotAnswered where a float32 output is NaN: no average has a NaN that a member put there.
// A done ctx is ctx.Err(), wrapped, whatever the policy; a call that fails otherwise is a *MemberError or a *TooFewError, and
// out of another shape a *predictor.LengthError. It allocates nothing unless a member fails or they run Concurrently.
func (a *Average) Predict(ctx context.Context, out predictor.Outputs, window []float32) error {
	if err := a.check(out); err != nil {
		return err
	}
	b, err := a.panel.poll(ctx, window, finite{})
	if err != nil {
		return err
	}
	total := a.panel.weight(b)
	for i := range out {
		a.mean(out[i].Float32, b, i, total)
		a.majority(out[i].Int64, b, i)
	}
	a.panel.giveBack(b)
	return nil
}

// mean goes through one member's values after the other's, as they lie in memory.
func (a *Average) mean(dst []float32, b *ballot, output int, total float64) {
	sums := b.sums[:len(dst)]
	clear(sums)
	for i := range a.panel.members {
		if b.errs[i] != nil {
			continue
		}
		w := a.panel.members[i].Weight
		for j, y := range b.outputs[i][output].Float32 {
			sums[j] += float64(w * float64(y)) // rounded before it is added: the same bits on every architecture
		}
	}
	for j, sum := range sums {
		dst[j] = float32(sum / total)
	}
}

func (a *Average) majority(dst []int64, b *ballot, output int) {
	for j := range dst {
		for i := range a.panel.members {
			if b.errs[i] == nil {
				b.named[i] = b.outputs[i][output].Int64[j]
			}
		}
		dst[j], _ = a.panel.majority(b)
	}
}

func (a *Average) check(out predictor.Outputs) error {
	if len(out) != len(a.like) {
		return &predictor.LengthError{Tensor: "outputs", Found: len(out), Expected: len(a.like)}
	}
	for i := range out {
		if n, want := len(out[i].Float32), len(a.like[i].Float32); n != want {
			return &predictor.LengthError{Tensor: fmt.Sprintf("output %d", i), DType: "float32", Found: n, Expected: want}
		}
		if n, want := len(out[i].Int64), len(a.like[i].Int64); n != want {
			return &predictor.LengthError{Tensor: fmt.Sprintf("output %d", i), DType: "int64", Found: n, Expected: want}
		}
	}
	return nil
}

// finite takes no NaN for an answer.
type finite struct{}

func (finite) read(b *ballot, i int) error {
	for _, output := range b.outputs[i] {
		for _, y := range output.Float32 {
			if math.IsNaN(float64(y)) {
				return predictor.ErrNotAnswered
			}
		}
	}
	return nil
}

func sameShape(a, b predictor.Outputs) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i].Float32) != len(b[i].Float32) || len(a[i].Int64) != len(b[i].Int64) {
			return false
		}
	}
	return true
}

// shape writes [360 float32, 1 int64].
func shape(out predictor.Outputs) string {
	text := "["
	for i, output := range out {
		if i > 0 {
			text += ", "
		}
		if output.Int64 != nil {
			text += fmt.Sprintf("%d int64", len(output.Int64))
		} else {
			text += fmt.Sprintf("%d float32", len(output.Float32))
		}
	}
	return text + "]"
}

// longest returns the size of the largest float32 output.
func longest(out predictor.Outputs) int {
	n := 0
	for _, output := range out {
		n = max(n, len(output.Float32))
	}
	return n
}
