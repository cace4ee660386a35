package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/measure"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

// maxInputBytes bounds one input file.
const maxInputBytes = 1 << 31

// Bounds of what is measured without a pause: its samples take a gigabyte at most.
const (
	maxCalls   = 10_000_000
	maxSeconds = 120
	// A model is cut short later than the longest measurement.
	maxMostSeconds = 3600
)

// options is a command's flags; parse refuses a command line without those in needed.
type options struct {
	set      *flag.FlagSet
	needed   []string
	library  string
	inputs   inputFiles
	inputSet bool
	calls    *int     // nil for a command that measures nothing
	seconds  *float64 // likewise
	most     *float64 // nil where nothing is cut short
}

func newOptions(command string) *options {
	o := &options{set: flag.NewFlagSet(command, flag.ContinueOnError)}
	o.set.SetOutput(io.Discard)
	o.set.StringVar(&o.library, "library", "", "path of the onnxruntime library")
	return o
}

// text registers a flag that must be given.
func (o *options) text(target *string, name, usage string) {
	o.set.StringVar(target, name, "", usage)
	o.needed = append(o.needed, name)
}

// input registers --input NAME=FILE.npy, which may be given several times.
func (o *options) input() {
	o.inputs = inputFiles{}
	o.inputSet = true
	o.set.Func("input", "NAME=FILE.npy, once for each input of the model", o.inputs.add)
}

// measuring registers --calls and --min-seconds.
func (o *options) measuring(calls int, seconds float64) {
	o.calls = o.set.Int("calls", calls, "calls at least")
	o.seconds = o.set.Float64("min-seconds", seconds, "seconds at least")
}

// limited registers --most-seconds.
func (o *options) limited() {
	o.most = o.set.Float64("most-seconds", 0, "seconds after which it is cut short, whatever was asked for; 0 for never")
}

// plan is what --calls, --min-seconds and --most-seconds ask for.
func (o *options) plan() measure.Plan {
	plan := measure.Plan{Calls: *o.calls, Time: duration(*o.seconds)}
	if o.most != nil {
		plan.Most = duration(*o.most)
	}
	return plan
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

func (o *options) parse(args []string) error {
	if err := o.set.Parse(args); err != nil {
		return usagef("%s: %v; flags are %s", o.set.Name(), err, o.known())
	}
	if o.set.NArg() > 0 {
		return usagef("%s: unexpected argument %q; flags are %s", o.set.Name(), o.set.Arg(0), o.known())
	}
	for _, name := range o.needed {
		if o.set.Lookup(name).Value.String() == "" {
			return usagef("%s: --%s is missing; flags are %s", o.set.Name(), name, o.known())
		}
	}
	if o.inputSet && len(o.inputs) == 0 {
		return usagef("%s: --input is missing; give NAME=FILE.npy for each input of the model", o.set.Name())
	}
	return o.checkPlan()
}

func (o *options) checkPlan() error {
	if o.calls == nil {
		return nil
	}
	if *o.calls < 1 || *o.calls > maxCalls {
		return usagef("%s: --calls is %d, expected 1 to %d", o.set.Name(), *o.calls, maxCalls)
	}
	if !(*o.seconds >= 0 && *o.seconds <= maxSeconds) { // NaN is neither
		return usagef("%s: --min-seconds is %v, expected 0 to %d", o.set.Name(), *o.seconds, maxSeconds)
	}
	if o.most != nil && !(*o.most >= 0 && *o.most <= maxMostSeconds) {
		return usagef("%s: --most-seconds is %v, expected 0 to %d", o.set.Name(), *o.most, maxMostSeconds)
	}
	return nil
}

func (o *options) known() string {
	var names []string
	o.set.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
	return strings.Join(names, " ")
}

// inputFiles are paths by input name.
type inputFiles map[string]string

func (f inputFiles) add(value string) error {
	name, path, ok := strings.Cut(value, "=")
	if !ok || name == "" || path == "" {
		return fmt.Errorf("%q is not NAME=FILE.npy", value)
	}
	if _, twice := f[name]; twice {
		return fmt.Errorf("input %q is given twice", name)
	}
	f[name] = path
	return nil
}

// table is the rows of every input, each input flat and row-major, in the metadata's order.
type table struct {
	rows   int
	values [][]float32
}

// read returns the rows for inputs: exactly one file for each, of its shape, all of one length.
func (f inputFiles) read(inputs []bundle.Tensor) (table, error) {
	t := table{values: make([][]float32, len(inputs))}
	for i, input := range inputs {
		path, ok := f[input.Name]
		if !ok {
			return table{}, usagef("--input %s=FILE.npy is missing; the model has this input", input.Name)
		}
		array, err := npy.ReadFile[float32](path, maxInputBytes)
		if err != nil {
			return table{}, &inputError{err}
		}
		rows := array.Rows()
		if !slices.Equal(array.Shape, input.Shape.Batched(rows)) || rows == 0 {
			return table{}, inputf("%s: shape is %v, expected at least one row of %v for input %s", path, array.Shape, input.Shape, input.Name)
		}
		if i > 0 && rows != t.rows {
			return table{}, inputf("%s: %d rows, expected %d as in the inputs before it", path, rows, t.rows)
		}
		t.rows, t.values[i] = rows, array.Data
	}
	if len(f) != len(inputs) {
		return table{}, usagef("%d inputs are given, the model has %d", len(f), len(inputs))
	}
	return t, nil
}

// slice returns the rows start to stop, without copying.
func (t table) slice(start, stop int) [][]float32 {
	part := make([][]float32, len(t.values))
	for i, values := range t.values {
		n := len(values) / t.rows
		part[i] = values[start*n : stop*n]
	}
	return part
}
