package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

const (
	maxCallers = 10_000
	maxRate    = 1_000_000
	// An open loop that cannot keep up is ended after this many times its time.
	patience = 3
)

// warmUnderLoad is what all callers do before anything counts.
var warmUnderLoad = measure.Plan{Calls: 50, Time: 500 * time.Millisecond}

type loadResult struct {
	ONNXRuntime string  `json:"onnxruntime"`
	Library     string  `json:"library"`
	Callers     int     `json:"concurrency"`
	Calls       int     `json:"calls"`
	Seconds     float64 `json:"seconds"`
}

// runLoad predicts from several goroutines at once, through the predictor as a service has it, and writes int64 [calls]: each
// call's nanoseconds, queueing included. Without --rate every goroutine calls again as soon as it was answered. With it calls
// are due at a fixed rate for --min-seconds, whoever is still busy, and count from when they were due.
func runLoad(args []string) (result any, err error) {
	var dir, file string
	o := newOptions("load")
	o.text(&dir, "bundle", "the bundle's folder")
	o.text(&file, "samples", "file for the samples")
	o.input()
	o.measuring(2000, 2)
	callers := o.set.Int("concurrency", 1, "goroutines that call")
	rate := o.set.Float64("rate", 0, "calls due in a second; 0 for each when the one before was answered")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	if *callers < 1 || *callers > maxCallers {
		return nil, usagef("load: --concurrency is %d, expected 1 to %d", *callers, maxCallers)
	}
	if !(*rate >= 0 && *rate <= maxRate) {
		return nil, usagef("load: --rate is %v, expected 0 to %d", *rate, maxRate)
	}
	rt, err := openRuntime(o.library)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	p, err := predictor.Open(rt, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	rows, err := o.inputs.read(p.Bundle().Metadata.Inputs)
	if err != nil {
		return nil, err
	}
	taken, elapsed, err := underLoad(crew{p, windows(rows), *callers}, o.plan(), *rate)
	if err != nil {
		return nil, err
	}
	if err := npy.WriteFile(file, npy.Array[int64]{Shape: []int{len(taken)}, Data: taken}); err != nil {
		return nil, &inputError{err}
	}
	library := rt.Library()
	return loadResult{
		ONNXRuntime: library.Version, Library: library.Path, Callers: *callers, Calls: len(taken), Seconds: elapsed.Seconds(),
	}, nil
}

func underLoad(c crew, plan measure.Plan, rate float64) (taken []int64, elapsed time.Duration, err error) {
	if _, _, err := c.work(closedLoop(warmUnderLoad)); err != nil {
		return nil, 0, err
	}
	if rate > 0 {
		return c.work(openLoop(rate, plan.Time))
	}
	return c.work(closedLoop(plan))
}

// turns hands out the calls: when the index-th is due, or that there is none. Any number of goroutines may ask.
type turns func(index int64, elapsed time.Duration) (due time.Duration, ok bool)

// closedLoop makes a call due at once, until plan is met.
func closedLoop(plan measure.Plan) turns {
	return func(index int64, elapsed time.Duration) (time.Duration, bool) {
		return elapsed, index < int64(plan.Calls) || elapsed < plan.Time
	}
}

// openLoop makes calls due at rate a second for as long as it is told, and gives up on what cannot keep up.
func openLoop(rate float64, lasting time.Duration) turns {
	calls := int64(math.Max(1, math.Round(rate*lasting.Seconds())))
	return func(index int64, elapsed time.Duration) (time.Duration, bool) {
		due := time.Duration(float64(index) / rate * float64(time.Second))
		return due, index < calls && elapsed <= patience*max(lasting, time.Second)
	}
}

// crew is a number of goroutines with a predictor.
type crew struct {
	predictor *predictor.Predictor
	windows   [][]float32
	callers   int
}

// windows returns the rows of the only input that a predictor has.
func windows(rows table) [][]float32 {
	found := make([][]float32, rows.rows)
	for row := range found {
		found[row] = rows.slice(row, row+1)[0]
	}
	return found
}

// work calls until there are no turns, and returns the nanoseconds that each call took from when it was due.
func (c crew) work(next turns) (taken []int64, elapsed time.Duration, err error) {
	var (
		group  sync.WaitGroup
		index  atomic.Int64
		parts  = make([][]int64, c.callers)
		failed = make([]error, c.callers)
		begin  = time.Now()
	)
	for i := range c.callers {
		group.Go(func() {
			parts[i], failed[i] = c.call(begin, func() (int64, time.Duration, bool) {
				turn := index.Add(1) - 1
				due, ok := next(turn, time.Since(begin))
				return turn, due, ok
			})
		})
	}
	group.Wait()
	return slices.Concat(parts...), time.Since(begin), errors.Join(failed...)
}

// call is one goroutine's work.
func (c crew) call(begin time.Time, turn func() (int64, time.Duration, bool)) (taken []int64, err error) {
	out := c.predictor.NewOutputs()
	for {
		index, due, ok := turn()
		if !ok {
			return taken, nil
		}
		time.Sleep(due - time.Since(begin))
		window := c.windows[int(index%int64(len(c.windows)))]
		if err := c.predictor.Predict(context.Background(), out, window); err != nil {
			return nil, err
		}
		taken = append(taken, int64(time.Since(begin)-due))
	}
}
