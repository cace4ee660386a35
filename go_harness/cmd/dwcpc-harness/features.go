package main

import (
	"slices"
	"strconv"

	"github.com/novacron/dwcpc/go_harness/features"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

type featuresResult struct {
	Rows         int      `json:"rows"`
	Taken        int      `json:"taken"`
	Skipped      int      `json:"skipped"`
	Refused      int      `json:"refused"`
	FirstRefusal *string  `json:"first_refusal"`
	Features     []string `json:"features"`
}

// runFeatures computes the features of a table of raw columns, float64 [rows, columns] with a category's place for its text, and
// writes float64 [taken rows, features]. Without --statuses the table is a batch, which the first row that is refused ends. With
// it each group is a stream that goes on after one, as in a service, and int64 [rows] gets 0 for refused, 1 for skipped, 2 for
// taken.
func runFeatures(args []string) (any, error) {
	var path, raw, out string
	o := newOptions("features")
	o.text(&path, "spec", "the feature specification")
	o.text(&raw, "raw", "float64 [rows, columns]")
	o.text(&out, "out", "file for the features")
	times := o.set.String("times", "", "float64 [rows], where the specification has a time")
	groups := o.set.String("groups", "", "int64 [rows], where the specification has a group; negative for a missing key")
	statuses := o.set.String("statuses", "", "file for what became of each row")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	spec, err := features.Read(path)
	if err != nil {
		return nil, err
	}
	table, err := readSamples(spec, raw, *times, *groups)
	if err != nil {
		return nil, err
	}
	plan := features.Compile(spec)
	if *statuses == "" {
		return table.batch(plan, out)
	}
	return table.stream(plan, out, *statuses)
}

// samples are a table's rows, in a form for streams and for batches.
type samples struct {
	columns int
	raw     []float64
	features.Table
}

func readSamples(spec *features.Spec, raw, times, groups string) (*samples, error) {
	array, err := npy.ReadFile[float64](raw, maxInputBytes)
	if err != nil {
		return nil, &inputError{err}
	}
	columns := len(spec.Columns)
	if len(array.Shape) != 2 || array.Shape[1] != columns {
		return nil, inputf("%s: shape is %v, expected rows of the %d columns of %s", raw, array.Shape, columns, spec.Name)
	}
	s := &samples{columns: columns, raw: array.Data}
	if spec.Time != nil {
		if s.Times, err = readRows[float64](times, "times", array.Rows()); err != nil {
			return nil, err
		}
	}
	if spec.Group != "" {
		keys, err := readRows[int64](groups, "groups", array.Rows())
		if err != nil {
			return nil, err
		}
		s.Groups = make([]string, len(keys))
		for i, key := range keys {
			if key >= 0 {
				s.Groups[i] = strconv.FormatInt(key, 10)
			}
		}
	}
	return s, nil
}

func readRows[T npy.Element](path, option string, rows int) ([]T, error) {
	if path == "" {
		return nil, usagef("features: --%s is missing; the specification has one", option)
	}
	array, err := npy.ReadFile[T](path, maxInputBytes)
	if err != nil {
		return nil, &inputError{err}
	}
	if !slices.Equal(array.Shape, []int{rows}) {
		return nil, inputf("%s: shape is %v, expected [%d], one for each row", path, array.Shape, rows)
	}
	return array.Data, nil
}

func (s *samples) rows() int { return len(s.raw) / s.columns }

func (s *samples) batch(plan *features.Plan, out string) (any, error) {
	s.Columns = make([][]float64, s.columns)
	for i, x := range s.raw {
		s.Columns[i%s.columns] = append(s.Columns[i%s.columns], x)
	}
	computed, err := plan.Run(s.Table)
	if err != nil {
		return nil, err
	}
	names, taken := plan.Spec().Features(), len(computed.Rows)
	result := featuresResult{Rows: s.rows(), Taken: taken, Skipped: s.rows() - taken, Features: names}
	return result, writeFeatures(out, taken, len(names), computed.Features)
}

func (s *samples) stream(plan *features.Plan, out, statuses string) (any, error) {
	result := featuresResult{Rows: s.rows(), Features: plan.Spec().Features()}
	width := len(result.Features)
	values, became := make([]float64, result.Rows*width), make([]int64, result.Rows)
	groups := plan.NewGroups(features.WithLimit(result.Rows))
	for i := range became {
		var key string
		var at float64
		if s.Groups != nil {
			key = s.Groups[i]
		}
		if s.Times != nil {
			at = s.Times[i]
		}
		start := result.Taken * width
		status, err := groups.Push(values[start:start+width], key, at, s.raw[i*s.columns:(i+1)*s.columns])
		became[i] = int64(status)
		result.count(status, err)
	}
	if err := npy.WriteFile(statuses, npy.Array[int64]{Shape: []int{len(became)}, Data: became}); err != nil {
		return nil, &inputError{err}
	}
	return result, writeFeatures(out, result.Taken, width, values[:result.Taken*width])
}

func (r *featuresResult) count(status features.Status, err error) {
	switch status {
	case features.Taken:
		r.Taken++
	case features.Skipped:
		r.Skipped++
	default:
		r.Refused++
	}
	if err != nil && r.FirstRefusal == nil {
		text := err.Error()
		r.FirstRefusal = &text
	}
}

func writeFeatures(path string, rows, width int, values []float64) error {
	if err := npy.WriteFile(path, npy.Array[float64]{Shape: []int{rows, width}, Data: values}); err != nil {
		return &inputError{err}
	}
	return nil
}
