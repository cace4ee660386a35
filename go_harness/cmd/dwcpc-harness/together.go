package main

import (
	"context"
	"errors"
	"fmt"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

type togetherResult struct {
	ONNXRuntime     string `json:"onnxruntime"`
	Library         string `json:"library"`
	Bundles         int    `json:"bundles"`
	PeakMemoryBytes int64  `json:"peak_memory_bytes"`
}

// runTogether opens every bundle as a service does, predicts with each while all are open, and says what that took of memory.
func runTogether(args []string) (result any, err error) {
	var dirs []string
	o := newOptions("together")
	o.set.Func("bundle", "a bundle's folder, once for each", func(dir string) error {
		dirs = append(dirs, dir)
		return nil
	})
	if err := o.parse(args); err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, usagef("together: --bundle is missing; give each bundle's folder")
	}
	rt, err := openRuntime(o.library)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	peak, err := peakOf(rt, dirs)
	if err != nil {
		return nil, err
	}
	library := rt.Library()
	return togetherResult{ONNXRuntime: library.Version, Library: library.Path, Bundles: len(dirs), PeakMemoryBytes: peak}, nil
}

// openRuntime is a service's; an empty path leaves the lookup to it.
func openRuntime(library string) (*dwcpc.Runtime, error) {
	if library == "" {
		return dwcpc.Open()
	}
	return dwcpc.Open(dwcpc.WithLibrary(library))
}

func peakOf(rt *dwcpc.Runtime, dirs []string) (peak int64, err error) {
	predictors := make([]*predictor.Predictor, 0, len(dirs))
	defer func() {
		for _, p := range predictors {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, dir := range dirs {
		p, err := predictor.Open(rt, dir)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", dir, err)
		}
		predictors = append(predictors, p)
	}
	for i, p := range predictors {
		row := p.Bundle().Golden.Inputs[0][:p.Bundle().Metadata.Inputs[0].Shape.Elements()]
		if err := p.Predict(context.Background(), p.NewOutputs(), row); err != nil {
			return 0, fmt.Errorf("%s: %w", dirs[i], err)
		}
	}
	self, err := measure.Self()
	return self.PeakBytes, err
}
