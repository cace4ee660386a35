package ensemble

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// panel is the members that are asked, in their order, and how.
type panel struct {
	members []Member
	options options
	ballots sync.Pool
}

// ballot is what one call needs: everything a member writes to, so that no call allocates it.
type ballot struct {
	outputs []predictor.Outputs // a member's each
	errs    []error
	named   []int64 // a member's label or flag each, of a Vote
	sums    []float64
	running sync.WaitGroup
}

// newPanel checks everything but the outputs. sums is how many float64 a call works with.
func newPanel(members []Member, sums func(predictor.Outputs) int, opts []Option) (*panel, error) {
	asked, err := weighing(members)
	if err != nil {
		return nil, err
	}
	p := &panel{members: asked, options: options{minimum: len(asked)}}
	for _, apply := range opts {
		apply(&p.options)
	}
	if n := p.options.minimum; n < 1 || n > len(asked) {
		return nil, &MinimumError{Minimum: n, Members: len(asked)}
	}
	p.ballots.New = func() any { return newBallot(asked, sums) }
	return p, nil
}

// weighing returns the members with a weight, in the order of their names.
func weighing(members []Member) ([]Member, error) {
	if len(members) == 0 {
		return nil, ErrNoMembers
	}
	asked := slices.Clone(members)
	slices.SortFunc(asked, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	total, last := 0.0, ""
	for _, member := range asked {
		if member.Name == last { // the empty name would be first
			return nil, &NameError{Name: member.Name}
		}
		if w := member.Weight; !(w >= 0) || math.IsInf(w, 1) {
			return nil, &WeightError{Member: member.Name, Weight: w}
		}
		last = member.Name
		total += member.Weight
	}
	if total == 0 || math.IsInf(total, 1) {
		return nil, ErrNoWeight
	}
	return slices.DeleteFunc(asked, func(member Member) bool { return member.Weight == 0 }), nil
}

func newBallot(members []Member, sums func(predictor.Outputs) int) *ballot {
	b := &ballot{errs: make([]error, len(members)), named: make([]int64, len(members))}
	for _, member := range members {
		b.outputs = append(b.outputs, member.Model.NewOutputs())
	}
	b.sums = make([]float64, sums(b.outputs[0]))
	return b
}

// poll asks every member; reader, in the goroutine of the call, says whether what a member computed is an answer. The ballot
// it returns tells the members that answered by their errs; give it back.
func (p *panel) poll(ctx context.Context, window []float32, reader reader) (*ballot, error) {
	b := p.ballots.Get().(*ballot)
	if p.options.concurrent {
		p.askAtOnce(ctx, b, window)
	} else {
		p.askInTurn(ctx, b, window)
	}
	if err := p.settle(ctx, b, reader); err != nil {
		p.giveBack(b)
		return nil, err
	}
	return b, nil
}

// reader says whether what member i of a ballot computed is an answer, and notes what it names.
type reader interface {
	read(b *ballot, i int) error
}

func (p *panel) giveBack(b *ballot) {
	clear(b.errs) // an error may hold on to anything
	p.ballots.Put(b)
}

// askInTurn stops at the first member after which the call fails anyway.
func (p *panel) askInTurn(ctx context.Context, b *ballot, window []float32) {
	for i := range p.members {
		b.errs[i] = ctx.Err()
		if b.errs[i] == nil {
			b.errs[i] = p.members[i].Model.Predict(ctx, b.outputs[i], window)
		}
		if b.errs[i] != nil && !p.options.drop {
			return
		}
	}
}

func (p *panel) askAtOnce(ctx context.Context, b *ballot, window []float32) {
	last := len(p.members) - 1
	for i := range last {
		b.running.Go(func() { b.errs[i] = p.members[i].Model.Predict(ctx, b.outputs[i], window) })
	}
	b.errs[last] = p.members[last].Model.Predict(ctx, b.outputs[last], window)
	b.running.Wait()
}

// settle applies the policy. A caller that is gone is no member's failure, so that is said first.
func (p *panel) settle(ctx context.Context, b *ballot, reader reader) error {
	answered, failed := 0, false
	for i := range p.members {
		if b.errs[i] == nil {
			b.errs[i] = reader.read(b, i)
		}
		if b.errs[i] == nil {
			answered++
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("ensemble: not answered: %w", err)
		}
		if !p.options.drop {
			return &MemberError{Member: p.members[i].Name, Err: b.errs[i]}
		}
		failed = true
	}
	if answered < p.options.minimum {
		return p.tooFew(b, answered)
	}
	if failed && p.options.dropped != nil {
		p.reportDropped(b)
	}
	return nil
}

func (p *panel) tooFew(b *ballot, answered int) error {
	e := &TooFewError{Answered: answered, Minimum: p.options.minimum}
	for i, err := range b.errs {
		if err != nil {
			e.Failed = append(e.Failed, &MemberError{Member: p.members[i].Name, Err: err})
		}
	}
	return e
}

func (p *panel) reportDropped(b *ballot) {
	for i, err := range b.errs {
		if err != nil {
			p.options.dropped(p.members[i].Name, err)
		}
	}
}

// weight returns what the members weigh together that answered.
func (p *panel) weight(b *ballot) float64 {
	total := 0.0
	for i := range p.members {
		if b.errs[i] == nil {
			total += p.members[i].Weight
		}
	}
	return total
}
