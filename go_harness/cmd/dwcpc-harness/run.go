package main

import (
	"os"
	"path/filepath"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

type runResult struct {
	Rows        int         `json:"rows"`
	Batch       int         `json:"batch"`
	Outputs     []runOutput `json:"outputs"`
	ONNXRuntime string      `json:"onnxruntime"`
	Library     string      `json:"library"`
}

type runOutput struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Shape []int  `json:"shape"`
}

// runRun predicts every row of the inputs, in batches, and writes the outputs as .npy files.
func runRun(args []string) (any, error) {
	var dir, out string
	o := newOptions("run")
	o.text(&dir, "bundle", "the bundle's folder")
	o.text(&out, "out", "folder for OUTPUT.npy, made if absent")
	o.input()
	batch := o.set.Int("batch", 1, "rows in one call")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	if *batch < 1 {
		return nil, usagef("run: --batch is %d, expected at least 1", *batch)
	}
	return withModel(dir, o.library, func(m *model) (runResult, error) {
		if rows := m.bundle.Metadata.Model.RowsPerCall(); rows != 0 && *batch != rows {
			return runResult{}, usagef("run: --batch is %d, expected %d: a call of %s takes exactly so many rows", *batch, rows, dir)
		}
		table, err := o.inputs.read(m.bundle.Metadata.Inputs)
		if err != nil {
			return runResult{}, err
		}
		values, err := m.predict(table, *batch)
		if err != nil {
			return runResult{}, err
		}
		files, err := m.write(out, table.rows, values)
		library := m.runtime.Library()
		return runResult{Rows: table.rows, Batch: *batch, Outputs: files, ONNXRuntime: library.Version, Library: library.Path}, err
	})
}

// predict runs whole batches in one slot, and the rest in a smaller one.
func (m *model) predict(rows table, batch int) ([]bundle.Output, error) {
	results := m.outputs(rows.rows)
	whole := rows.rows - rows.rows%batch
	run := func(start, stop, size int) error {
		if start == stop {
			return nil
		}
		return m.withSlot(size, func(slot *engine.Slot) error {
			for ; start < stop; start += size {
				if err := slot.Predict(part(results, start, start+size, rows.rows), rows.slice(start, start+size)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := run(0, whole, batch); err != nil {
		return nil, err
	}
	return results, run(whole, rows.rows, rows.rows-whole)
}

// part returns the rows start to stop of outputs that hold rows rows, without copying.
func part(outputs []bundle.Output, start, stop, rows int) []bundle.Output {
	parts := make([]bundle.Output, len(outputs))
	for i, output := range outputs {
		floats, labels := len(output.Float32)/rows, len(output.Int64)/rows
		parts[i] = bundle.Output{Float32: output.Float32[start*floats : stop*floats], Int64: output.Int64[start*labels : stop*labels]}
	}
	return parts
}

func (m *model) write(dir string, rows int, values []bundle.Output) ([]runOutput, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, inputf("output folder: %w", err)
	}
	files := make([]runOutput, len(values))
	for i, output := range m.bundle.Metadata.Outputs {
		path := filepath.Join(dir, output.Name+".npy")
		shape := output.Shape.Batched(rows)
		if err := writeOutput(path, shape, values[i]); err != nil {
			return nil, &inputError{err}
		}
		files[i] = runOutput{Name: output.Name, File: path, Shape: shape}
	}
	return files, nil
}

func writeOutput(path string, shape []int, values bundle.Output) error {
	if values.Int64 != nil {
		return npy.WriteFile(path, npy.Array[int64]{Shape: shape, Data: values.Int64})
	}
	return npy.WriteFile(path, npy.Array[float32]{Shape: shape, Data: values.Float32})
}
