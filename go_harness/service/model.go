package service

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// Model is what a Service predicts with. FromRegistry makes one.
type Model interface {
	Name() string
	// Channels are the columns of a sample, and Steps how many samples a window has.
	Channels() []string
	Steps() int
	// Targets name the values of a prediction.
	Targets() []string
	// Predict fills dst, a value for each target, from a flat and row-major window, and returns which version answered. It is
	// called by one goroutine at a time.
	Predict(ctx context.Context, dst []float64, window []float32) (version string, err error)
	// Created is when the version that serves was made.
	Created() time.Time
	// Reload serves what was published since.
	Reload() error
}

// handle is a Model out of a registry.
type handle struct {
	*registry.Model
	out      predictor.Outputs
	channels []string
	steps    int
	targets  []string
}

// FromRegistry returns the Model that a registry's handle serves. Its targets are the values of its float32 outputs, in order:
// named by their channels, or by the output where it is one value. A model without names for its channels or targets, or whose
// inputs the caller has to scale, is a *ConfigError.
func FromRegistry(m *registry.Model) (Model, error) {
	meta := &m.Bundle().Metadata
	if meta.Scaler.Applied == bundle.ScaledByHost {
		return nil, &ConfigError{Field: m.Name() + ".scaler.applied", Found: meta.Scaler.Applied, Expected: "a model that scales its inputs itself"}
	}
	input := meta.Inputs[0]
	if len(input.Channels) == 0 {
		return nil, predictor.ErrNoChannels
	}
	h := &handle{Model: m, out: m.NewOutputs(), channels: slices.Clone(input.Channels), steps: input.Shape.Elements() / len(input.Channels)}
	for _, output := range meta.Outputs {
		names, err := targetsOf(m.Name(), output)
		if err != nil {
			return nil, err
		}
		h.targets = append(h.targets, names...)
	}
	if len(h.targets) == 0 {
		return nil, &ConfigError{Field: m.Name() + ".outputs", Found: "none of float32", Expected: "at least one value to predict"}
	}
	return h, nil
}

func targetsOf(model string, output bundle.Tensor) ([]string, error) {
	n := output.Shape.Elements()
	switch {
	case output.DType != bundle.DTypeFloat32:
		return nil, nil
	case n == len(output.Channels):
		return output.Channels, nil
	case n == 1:
		return []string{output.Name}, nil
	}
	return nil, &ConfigError{Field: model + "." + output.Name + ".channels", Found: len(output.Channels), Expected: "a name for each value of the output"}
}

func (h *handle) Channels() []string { return slices.Clone(h.channels) }
func (h *handle) Steps() int         { return h.steps }
func (h *handle) Targets() []string  { return slices.Clone(h.targets) }

func (h *handle) Predict(ctx context.Context, dst []float64, window []float32) (string, error) {
	version, err := h.PredictVersion(ctx, h.out, window)
	if err != nil {
		return "", err
	}
	i := 0
	for _, output := range h.out {
		for _, value := range output.Float32 {
			dst[i] = float64(value)
			i++
		}
	}
	return version.Number(), nil
}

func (h *handle) Created() time.Time {
	created, err := time.Parse(time.RFC3339, h.Bundle().Metadata.Created)
	if err != nil {
		return time.Time{} // the schema allows no other text
	}
	return created
}
