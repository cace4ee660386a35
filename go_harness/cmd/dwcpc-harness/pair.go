package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/measure"
)

const maxPairs = 1000

type pairResult struct {
	ONNXRuntime string  `json:"onnxruntime"`
	Library     string  `json:"library"`
	Pairs       int     `json:"pairs"`
	CallsA      int     `json:"calls_a"`
	CallsB      int     `json:"calls_b"`
	CallsAgain  int     `json:"calls_control,omitempty"`
	Seconds     float64 `json:"seconds"`
	Stable      bool    `json:"stable"` // of both sides' warm-ups
}

// runPair times two models in this process, in adjacent blocks, and writes int64 [pairs, 2, 2]: of each pair, of side A and
// B, the median wall and thread CPU nanoseconds of a prediction of one row. --calls and --min-seconds are those of a block.
// --control measures A a second time in each pair, as if it were another model, and writes int64 [pairs, 3, 2].
func runPair(args []string) (any, error) {
	var dir, file string
	o := newOptions("pair")
	o.text(&dir, "bundle", "side A: a bundle's folder")
	o.text(&file, "samples", "file for the block medians")
	o.input()
	o.measuring(50, 0.1)
	other := o.other()
	pairs := o.set.Int("pairs", 20, "pairs of blocks")
	control := o.set.Bool("control", false, "measure side A against itself alongside")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	if *pairs < 1 || *pairs > maxPairs {
		return nil, usagef("pair: --pairs is %d, expected 1 to %d", *pairs, maxPairs)
	}
	if err := other.check(); err != nil {
		return nil, err
	}
	a, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	b, err := other.read(a)
	if err != nil {
		return nil, err
	}
	rows, err := other.rows(a, b, o.inputs)
	if err != nil {
		return nil, err
	}
	p := &pairing{library: o.library, plan: o.plan(), sides: []side{{path: dir, bundle: a, rows: rows[0]}, {path: other.path(), bundle: b, rows: rows[1]}}}
	if *control {
		p.sides = append(p.sides, p.sides[sideA])
	}
	result, medians, err := p.run(*pairs)
	if err != nil {
		return nil, err
	}
	return result, writeSamples(file, []int{*pairs, len(p.sides)}, medians)
}

// The sides of a pair.
const (
	sideA = iota
	sideB
	sideControl
)

// pairing compares two models.
type pairing struct {
	library string
	clock   measure.ThreadClock
	plan    measure.Plan // of a block
	sides   []side       // A, B and, for a control, A again
	result  pairResult
}

// side is one of the models. Its buffer is nil until it was warmed up.
type side struct {
	path   string
	bundle *bundle.Bundle
	rows   table
	buffer []measure.Sample
	calls  int
}

// run measures on the calling goroutine's own thread, and returns the medians pair by pair, A's before B's.
func (p *pairing) run(pairs int) (result pairResult, medians []measure.Sample, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if p.clock, err = measure.NewThreadClock(); err != nil {
		return result, nil, err
	}
	hold, err := engine.Open(p.library) // or every pair would load the library again
	if err != nil {
		return result, nil, err
	}
	defer func() { err = errors.Join(err, hold.Close()) }()
	library := hold.Library()
	p.result = pairResult{ONNXRuntime: library.Version, Library: library.Path, Pairs: pairs, Stable: true}
	begin := time.Now()
	for index := range pairs {
		blocks, err := p.pair(index)
		if err != nil {
			return result, nil, err
		}
		medians = append(medians, blocks...)
	}
	p.result.Seconds = time.Since(begin).Seconds()
	p.result.CallsA, p.result.CallsB = p.sides[sideA].calls, p.sides[sideB].calls
	if len(p.sides) > sideControl {
		p.result.CallsAgain = p.sides[sideControl].calls
	}
	return p.result, medians, nil
}

// pair opens the models anew and measures a block of each. Where a session's memory happens to lie moves its time by up to a
// per cent, the same way for as long as it is open: two sessions of one model, kept open, differ beyond all doubt. Both orders
// alternate, that of opening half as often, so that each side is first in either as often as the other.
func (p *pairing) pair(index int) (blocks []measure.Sample, err error) {
	blocks = make([]measure.Sample, len(p.sides))
	calls := make([]func() error, len(p.sides))
	err = p.withSlots(p.order(index/2), calls, func() error {
		for i := range p.sides {
			if err := p.warm(&p.sides[i], calls[i]); err != nil {
				return err
			}
		}
		for _, i := range p.order(index) {
			s := &p.sides[i]
			if blocks[i], s.buffer, err = measure.Block(p.clock, p.plan, s.buffer, calls[i]); err != nil {
				return err
			}
			s.calls += len(s.buffer)
		}
		return nil
	})
	return blocks, err
}

// order is that of the sides in one pair. With a control A is in the middle, beside both that it is compared with, and they
// stand at the ends in turn: what their places do to one they do to the other.
func (p *pairing) order(index int) []int {
	if len(p.sides) > sideControl {
		return [][]int{{sideControl, sideA, sideB}, {sideB, sideA, sideControl}}[index%2]
	}
	ends := order(index)
	return ends[:]
}

// order is that of ABBA: A first in the even ones, B first in the odd ones.
func order(index int) [2]int {
	first := index % 2
	return [2]int{first, 1 - first}
}

// warm warms a side up: in full once, and then, as the process is warm, by a block that does not count.
func (p *pairing) warm(s *side, call func() error) error {
	if s.buffer == nil {
		runtime.GC() // what reading the files left behind is not the calls' to pay for
		warm, err := measure.Warm(p.clock, call)
		if err != nil {
			return err
		}
		p.result.Stable = p.result.Stable && warm.Stable
		s.buffer = measure.Reserve(p.plan, warm)
	}
	_, buffer, err := measure.Block(p.clock, p.plan, s.buffer, call)
	s.buffer = buffer
	return err
}

// withSlots opens the sides in the order given, puts each one's call where it belongs in calls, runs use, and closes them.
func (p *pairing) withSlots(order []int, calls []func() error, use func() error) error {
	if len(order) == 0 {
		return use()
	}
	return p.withCall(order[0], func(call func() error) error {
		calls[order[0]] = call
		return p.withSlots(order[1:], calls, use)
	})
}

func (p *pairing) withCall(index int, use func(call func() error) error) error {
	s := &p.sides[index]
	m, err := loadModel(s.bundle, p.library)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	err = m.withSlot(1, func(slot *engine.Slot) error { return use(m.rotating(slot, s.rows)) })
	return errors.Join(err, m.close())
}
