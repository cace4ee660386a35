// Package ensemble answers a window with several models or versions at once: Average by the weighted mean of what they compute,
// Vote by the weighted majority of what they name. Load makes either of a definition that `dwcpc ensemble` wrote, over the models
// of a registry, whose reloads it follows.
//
// Members are taken in the order of their names, whatever the order in the list and whichever answers first: sums run in
// float64 in that order, so that the same members give the same bits.
package ensemble

import (
	"context"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Model is what a member computes with, a *predictor.Predictor among others. An *Average is one too.
type Model interface {
	// NewOutputs returns buffers for one prediction.
	NewOutputs() predictor.Outputs
	// Predict answers one window into buffers from NewOutputs. It is safe from any goroutine, and keeps neither of the slices.
	Predict(ctx context.Context, out predictor.Outputs, window []float32) error
}

// Member is one model and what its answer weighs. All members are given the same window: their inputs must mean the same.
type Member struct {
	Name   string // unique, for errors and for the order
	Model  Model
	Weight float64 // relative to the other members'; a member of weight 0 is never asked
}

// Option changes how an ensemble asks its members.
type Option func(*options)

type options struct {
	concurrent bool
	drop       bool
	minimum    int
	dropped    func(member string, err error)
}

// Concurrently asks the members at once, each but one in a goroutine of its own, instead of one after the other. The answer is
// the same. No call returns before every member it has asked.
func Concurrently() Option {
	return func(o *options) { o.concurrent = true }
}

// DropFailing answers without the members that fail, with the weights of the others as they are relative to each other, as
// long as minimum of those with a weight answer. Without it one failing member fails the call.
func DropFailing(minimum int) Option {
	return func(o *options) { o.drop, o.minimum = true, minimum }
}

// OnDrop has f called, in the caller's goroutine, for each member that was dropped from an answer.
func OnDrop(f func(member string, err error)) Option {
	return func(o *options) { o.dropped = f }
}
