package main

import (
	"errors"

	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/golden"
)

type checkResult struct {
	OK          bool               `json:"ok"`
	Name        string             `json:"name"`
	Version     string             `json:"version"`
	Rows        int                `json:"rows"`
	Worst       map[string]float64 `json:"worst"`
	ONNXRuntime string             `json:"onnxruntime"`
	Library     string             `json:"library"`
}

// runCheck proves that a bundle is whole and that its model computes the golden outputs, one row at a time. That it does not is
// the verdict that was asked for; load and together, which open a bundle as a service does, refuse it as bad input.
func runCheck(args []string) (any, error) {
	var dir string
	o := newOptions("check")
	o.text(&dir, "bundle", "the bundle's folder")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	return withModel(dir, o.library, func(m *model) (checkResult, error) {
		meta := m.bundle.Metadata
		library := m.runtime.Library()
		result := checkResult{
			OK: true, Name: meta.Name, Version: meta.Version, Rows: meta.Golden.Rows, ONNXRuntime: library.Version, Library: library.Path,
		}
		err := m.withSlot(1, func(slot *engine.Slot) (err error) {
			result.Worst, err = golden.Check(m.bundle, slot)
			if mismatch := (*golden.Mismatch)(nil); errors.As(err, &mismatch) {
				return &verdictError{err}
			}
			return err
		})
		return result, err
	})
}
