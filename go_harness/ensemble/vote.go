package ensemble

import (
	"context"
	"fmt"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Labeler is a Model that names a class in its outputs, as *predictor.Predictor does.
type Labeler interface {
	Model
	Label(out predictor.Outputs) (int64, error)
}

// Detector is a Model that decides on its outputs, as *predictor.Predictor does.
type Detector interface {
	Model
	Anomaly(out predictor.Outputs) (bool, error)
}

// Vote answers with what most of its members say, by weight. They may be different models with different outputs, as long as
// they take the same window and name the same classes. Any number of goroutines may use a Vote. It comes from NewVote.
type Vote struct {
	panel  *panel
	labels labels
	flags  flags
	noneOf [2]error // why there is no Label, no Anomaly
}

// NewVote makes a Vote of members, which are all a Labeler, or all a Detector, or both.
func NewVote(members []Member, opts ...Option) (*Vote, error) {
	p, err := newPanel(members, func(predictor.Outputs) int { return 0 }, opts)
	if err != nil {
		return nil, err
	}
	v := &Vote{panel: p}
	for _, member := range p.members {
		labeler, ok := member.Model.(Labeler)
		if !ok {
			v.noneOf[0] = &MemberError{Member: member.Name, Err: ErrNoLabels}
		}
		detector, ok := member.Model.(Detector)
		if !ok {
			v.noneOf[1] = &MemberError{Member: member.Name, Err: ErrNoAnomalies}
		}
		v.labels, v.flags = append(v.labels, labeler), append(v.flags, detector)
	}
	if v.noneOf[0] != nil && v.noneOf[1] != nil {
		return nil, fmt.Errorf("%w; or else: %w", v.noneOf[0], v.noneOf[1])
	}
	return v, nil
}

// LabelVote is a class and how sure the members are of it.
type LabelVote struct {
	Label   int64
	Share   float64 // of the weight of those that answered
	Members int     // that answered
}

// Label returns the class with the most weight behind it, of two with the same the smaller one. A member whose Label fails,
// as with predictor.ErrNotAnswered, is a failing member. Errors and allocations are as those of Average.Predict; with a member
// that is no Labeler it is ErrNoLabels.
func (v *Vote) Label(ctx context.Context, window []float32) (LabelVote, error) {
	if v.noneOf[0] != nil {
		return LabelVote{}, v.noneOf[0]
	}
	b, err := v.panel.poll(ctx, window, &v.labels)
	if err != nil {
		return LabelVote{}, err
	}
	label, weight := v.panel.majority(b)
	vote := LabelVote{Label: label, Share: weight / v.panel.weight(b), Members: b.answered()}
	v.panel.giveBack(b)
	return vote, nil
}

// AnomalyVote is a decision and the share of those that took it for an anomaly.
type AnomalyVote struct {
	Anomaly bool
	Share   float64 // of the weight of those that answered; compare it yourself for another majority
	Members int     // that answered
}

// Anomaly returns whether more than half of the weight is for an anomaly. Errors and allocations are as those of
// Average.Predict; with a member that is no Detector it is ErrNoAnomalies.
func (v *Vote) Anomaly(ctx context.Context, window []float32) (AnomalyVote, error) {
	if v.noneOf[1] != nil {
		return AnomalyVote{}, v.noneOf[1]
	}
	b, err := v.panel.poll(ctx, window, &v.flags)
	if err != nil {
		return AnomalyVote{}, err
	}
	share := v.panel.behind(b, 1) / v.panel.weight(b)
	vote := AnomalyVote{Anomaly: share > 0.5, Share: share, Members: b.answered()}
	v.panel.giveBack(b)
	return vote, nil
}

// labels and flags read what each member names.
type (
	labels []Labeler
	flags  []Detector
)

func (l *labels) read(b *ballot, i int) (err error) {
	b.named[i], err = (*l)[i].Label(b.outputs[i])
	return err
}

func (f *flags) read(b *ballot, i int) error {
	anomaly, err := (*f)[i].Anomaly(b.outputs[i])
	b.named[i] = 0
	if anomaly {
		b.named[i] = 1
	}
	return err
}
