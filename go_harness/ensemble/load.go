package ensemble

import (
	"fmt"

	"github.com/novacron/dwcpc/go_harness/registry"
)

// Ensemble is what a definition says, over a registry's handles. It is asked through its Average or its Vote, whichever the
// definition names.
type Ensemble struct {
	Definition *Definition
	average    *Average
	vote       *Vote
}

// Load makes the ensemble that the file at path defines of reg's models, loading those that are not loaded. Members without a
// version follow `latest` as the handles of reg do: a version that is published answers in the ensemble from the next call on.
// Unload nothing of it while the ensemble is asked; it is at its end when reg is closed.
//
// opts come behind what the definition says: Concurrently, or OnDrop. What is wrong with the file is a *DefinitionError, a
// member that cannot be loaded a *MemberError around a *registry.LoadError, and members that do not fit together are what
// NewAverage and NewVote say.
func Load(reg *registry.Registry, path string, opts ...Option) (*Ensemble, error) {
	d, err := Read(path)
	if err != nil {
		return nil, err
	}
	handles, err := d.handles(reg)
	if err != nil {
		return nil, err
	}
	if d.Failing.Policy == PolicyDrop {
		opts = append([]Option{DropFailing(d.Failing.Minimum)}, opts...)
	}
	e := &Ensemble{Definition: d}
	members := make([]Member, len(handles))
	for i, handle := range handles {
		members[i] = Member{Name: d.Members[i].Name(), Model: handle, Weight: d.Members[i].Weight}
		if d.Combine == CombineVote {
			members[i].Model = judged{handle}
		}
	}
	if d.Combine == CombineVote {
		e.vote, err = NewVote(members, opts...)
	} else {
		e.average, err = NewAverage(members, opts...)
	}
	if err != nil {
		return nil, fmt.Errorf("ensemble: %s: %w", path, err)
	}
	return e, nil
}

// handles returns the members' models, all of which take the same window.
func (d *Definition) handles(reg *registry.Registry) ([]*registry.Model, error) {
	var handles []*registry.Model
	for _, member := range d.Members {
		handle, err := opened(reg, member)
		if err != nil {
			return nil, &MemberError{Member: member.Name(), Err: err}
		}
		if len(handles) > 0 {
			if found, expected := inputOf(handle), inputOf(handles[0]); found != expected {
				return nil, &InputError{Member: member.Name(), First: d.Members[0].Name(), Found: found, Expected: expected}
			}
		}
		handles = append(handles, handle)
	}
	return handles, nil
}

func opened(reg *registry.Registry, member DefinedMember) (*registry.Model, error) {
	if member.Version == "" {
		return reg.GetLatest(member.Model)
	}
	return reg.Get(member.Model, member.Version)
}

// inputOf writes what a model takes: the shape of a window and its channels.
func inputOf(m *registry.Model) string {
	input := m.Bundle().Metadata.Inputs[0]
	return fmt.Sprintf("%v of %v", input.Shape, input.Channels)
}

// Average returns the ensemble where it averages, and nil where it votes.
func (e *Ensemble) Average() *Average { return e.average }

// Vote returns the ensemble where it votes, and nil where it averages.
func (e *Ensemble) Vote() *Vote { return e.vote }
