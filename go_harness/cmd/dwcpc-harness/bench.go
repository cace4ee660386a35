package main

import (
	"errors"
	"runtime"
	"time"
	"unsafe"

	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

type benchResult struct {
	ONNXRuntime     string   `json:"onnxruntime"`
	Library         string   `json:"library"`
	LoadMs          float64  `json:"load_ms"`
	FirstCallMs     float64  `json:"first_call_ms"`
	WarmUpCalls     int      `json:"warmup_calls"`
	Stable          bool     `json:"stable"`
	Calls           int      `json:"calls"`
	Seconds         float64  `json:"seconds"`
	PeakMemoryBytes int64    `json:"peak_memory_bytes"`
	Threads         int64    `json:"threads"`
	ProbeBeforeMs   float64  `json:"probe_before_ms"`
	ProbeAfterMs    float64  `json:"probe_after_ms"`
	OthersCores     *float64 `json:"others_cores"` // null where the kernel does not count
}

// runBench times predictions of one row, rotating over the rows of the inputs, and writes int64 [calls, 2]: wall and
// thread CPU nanoseconds. It does not ask for the golden vectors, and neither does pair: whoever calls has had that checked, once
// for all processes, and a slow model is to be cut short.
func runBench(args []string) (any, error) {
	var dir, file string
	o := newOptions("bench")
	o.text(&dir, "bundle", "the bundle's folder")
	o.text(&file, "samples", "file for the samples")
	o.input()
	o.measuring(2000, 2)
	o.limited()
	if err := o.parse(args); err != nil {
		return nil, err
	}
	return withModel(dir, o.library, func(m *model) (benchResult, error) {
		rows, err := o.inputs.read(m.bundle.Metadata.Inputs)
		if err != nil {
			return benchResult{}, err
		}
		result, samples, err := m.bench(rows, o.plan())
		if err != nil {
			return benchResult{}, err
		}
		return result, writeSamples(file, []int{len(samples)}, samples)
	})
}

// bench measures on the calling goroutine's own thread.
func (m *model) bench(rows table, plan measure.Plan) (result benchResult, samples []measure.Sample, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock, err := measure.NewThreadClock()
	if err != nil {
		return result, nil, err
	}
	library := m.runtime.Library()
	result = benchResult{ONNXRuntime: library.Version, Library: library.Path, LoadMs: milliseconds(m.load)}
	err = m.withSlot(1, func(slot *engine.Slot) error {
		call := m.rotating(slot, rows)
		begin := time.Now()
		if err := call(); err != nil {
			return err
		}
		result.FirstCallMs = milliseconds(time.Since(begin))
		runtime.GC() // what loading left behind is not the calls' to pay for
		warm, err := measure.Warm(clock, call)
		if err != nil {
			return err
		}
		result.WarmUpCalls, result.Stable = warm.Calls, warm.Stable
		before, err := measure.Self()
		if err != nil {
			return err
		}
		buffer := measure.Reserve(plan, warm)
		result.ProbeBeforeMs = milliseconds(time.Duration(measure.Probe(clock)))
		ended := othersSince(clock)
		var elapsed time.Duration
		samples, elapsed, err = measure.Run(clock, plan, buffer, call)
		if err != nil {
			return err
		}
		result.OthersCores = ended()
		result.ProbeAfterMs = milliseconds(time.Duration(measure.Probe(clock)))
		after, err := measure.Self()
		result.Calls, result.Seconds, result.Threads = len(samples), elapsed.Seconds(), after.Threads
		// The samples are the harness's memory, not the model's.
		written := int64(len(samples)) * int64(unsafe.Sizeof(measure.Sample{}))
		result.PeakMemoryBytes = max(before.PeakBytes, after.PeakBytes-written)
		return err
	})
	return result, samples, err
}

// othersSince returns a function that says how many cores others have used since now.
func othersSince(clock measure.Clock) func() *float64 {
	before, err := measure.ReadProcessors(clock)
	return func() *float64 {
		after, errAfter := measure.ReadProcessors(clock)
		if errors.Join(err, errAfter) != nil {
			return nil
		}
		cores := after.OthersCores(before)
		return &cores
	}
}

// rotating returns a call that predicts the next row, without allocating: a repeated row would flatter branch prediction.
func (m *model) rotating(slot *engine.Slot, rows table) func() error {
	inputs := make([][][]float32, rows.rows)
	for row := range inputs {
		inputs[row] = rows.slice(row, row+1)
	}
	dst := m.outputs(1)
	next := 0
	return func() error {
		src := inputs[next]
		if next++; next == len(inputs) {
			next = 0
		}
		return slot.Predict(dst, src)
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}

// writeSamples writes int64 [shape, 2]: wall and thread CPU nanoseconds.
func writeSamples(path string, shape []int, samples []measure.Sample) error {
	flat := make([]int64, 0, 2*len(samples))
	for _, s := range samples {
		flat = append(flat, s.WallNs, s.CPUNs)
	}
	if err := npy.WriteFile(path, npy.Array[int64]{Shape: append(shape, 2), Data: flat}); err != nil {
		return &inputError{err}
	}
	return nil
}
