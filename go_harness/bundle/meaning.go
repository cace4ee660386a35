package bundle

import (
	"fmt"
	"slices"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// meaning checks what the schema cannot say: that the parts of one metadata.json agree.
type meaning struct {
	path string
	meta *Metadata
}

func (m meaning) check() error {
	for _, step := range []func() error{m.tensors, m.features, m.scalers, m.decision, m.nonFinite, m.goldenFiles, m.goldenGroups} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (m meaning) refuse(field, found, expected string) error {
	return &Error{Path: m.path, Field: field, Found: found, Expected: expected, Remedy: remedyRecompile}
}

func (m meaning) tensors() error {
	names := map[string]string{}
	for _, side := range []struct {
		key     string
		tensors []Tensor
	}{{"inputs", m.meta.Inputs}, {"outputs", m.meta.Outputs}} {
		for i, tensor := range side.tensors {
			field := fmt.Sprintf("%s[%d]", side.key, i)
			if other, ok := names[tensor.Name]; ok {
				return m.refuse(field+".name", strictjson.Shown(tensor.Name), "a name that "+other+" does not have")
			}
			names[tensor.Name] = field
			if side.key == "inputs" && tensor.DType != DTypeFloat32 {
				return m.refuse(field+".dtype", tensor.DType, "float32, as every input")
			}
			if err := m.tensor(field, tensor); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m meaning) tensor(field string, tensor Tensor) error {
	if !tensor.Shape.Allocatable() {
		return m.refuse(field+".shape", fmt.Sprint(tensor.Shape), fmt.Sprintf("at most %d values a row", MaxRowElements))
	}
	for _, labels := range []struct {
		key    string
		labels []string
	}{{"channels", tensor.Channels}, {"units", tensor.Units}} {
		if n := len(labels.labels); n != 0 && n != tensor.Shape.Width() {
			return m.refuse(field+"."+labels.key, fmt.Sprintf("a list of %d", n), fmt.Sprintf("%d, the length of the last axis, or none", tensor.Shape.Width()))
		}
	}
	return nil
}

func (m meaning) scalers() error {
	what, width := m.scaled()
	if err := m.scaler("scaler", &m.meta.Scaler, what, width); err != nil {
		return err
	}
	if m.meta.TargetScaler == nil {
		return nil
	}
	output := m.meta.Outputs[0]
	return m.scaler("target_scaler", m.meta.TargetScaler, "the last axis of "+output.Name, output.Shape.Width())
}

func (m meaning) scaler(field string, scaler *Scaler, what string, width int) error {
	if len(scaler.Center) != width {
		return m.refuse(field+".center", fmt.Sprintf("a list of %d", len(scaler.Center)), fmt.Sprintf("%d, %s", width, what))
	}
	if len(scaler.Scale) != width {
		return m.refuse(field+".scale", fmt.Sprintf("a list of %d", len(scaler.Scale)), fmt.Sprintf("%d, %s", width, what))
	}
	for i, scale := range scaler.Scale {
		if scale == 0 {
			return m.refuse(fmt.Sprintf("%s.scale[%d]", field, i), "0", "a number to divide by")
		}
	}
	return nil
}

func (m meaning) decision() error {
	decision := m.meta.Decision
	if decision == nil {
		return nil
	}
	isScore := func(output Tensor) bool { return output.Name == decision.Score && output.DType == DTypeFloat32 }
	if !slices.ContainsFunc(m.meta.Outputs, isScore) {
		return m.refuse("decision.score", strictjson.Shown(decision.Score), "the name of a float32 output")
	}
	if decision.Flag == nil {
		return nil
	}
	isFlag := func(output Tensor) bool {
		return output.Name == *decision.Flag && output.DType == DTypeInt64 && len(output.Shape) == 0
	}
	if !slices.ContainsFunc(m.meta.Outputs, isFlag) {
		return m.refuse("decision.flag", strictjson.Shown(*decision.Flag), "the name of an int64 output of one value a row")
	}
	return nil
}

// nonFinite checks that the policy can be told from an answer.
func (m meaning) nonFinite() error {
	isFloat := func(output Tensor) bool { return output.DType == DTypeFloat32 }
	if m.meta.NonFinite == NonFinitePropagated && !slices.ContainsFunc(m.meta.Outputs, isFloat) {
		return m.refuse("non_finite", NonFinitePropagated, "a float32 output: its NaN tells an unanswered row from a label of -1")
	}
	return nil
}

// goldenFiles checks that each input and each output has exactly one file, and each file one tensor.
func (m meaning) goldenFiles() error {
	missing := map[[2]string]bool{}
	for _, tensor := range m.meta.Inputs {
		missing[[2]string{kindInput, tensor.Name}] = true
	}
	for _, tensor := range m.meta.Outputs {
		missing[[2]string{kindOutput, tensor.Name}] = true
	}
	paths := map[string]bool{}
	for i, file := range m.meta.Golden.Files {
		field := fmt.Sprintf("golden.files[%d]", i)
		key := [2]string{file.Kind, file.Tensor}
		if !missing[key] {
			return m.refuse(field+".tensor", strictjson.Shown(file.Tensor), fmt.Sprintf("an %s that has no golden file yet", file.Kind))
		}
		delete(missing, key)
		if paths[file.File] {
			return m.refuse(field+".file", strictjson.Shown(file.File), "a file of its own")
		}
		paths[file.File] = true
	}
	if len(missing) > 0 {
		return m.refuse("golden.files", fmt.Sprintf("without %d of the inputs and outputs", len(missing)), "one file for each")
	}
	return nil
}

// goldenGroups checks that the groups divide the rows: a row without a tolerance would be a row that is never judged.
func (m meaning) goldenGroups() error {
	golden := m.meta.Golden
	names := map[string]bool{}
	next := 0
	for i, group := range golden.Groups {
		field := fmt.Sprintf("golden.groups[%d]", i)
		if names[group.Name] {
			return m.refuse(field+".name", strictjson.Shown(group.Name), "a name of its own")
		}
		names[group.Name] = true
		if group.Start != next {
			return m.refuse(field+".start", fmt.Sprint(group.Start), fmt.Sprintf("%d, where the rows before it end", next))
		}
		if group.Stop <= group.Start || group.Stop > golden.Rows {
			return m.refuse(field+".stop", fmt.Sprint(group.Stop), fmt.Sprintf("more than %d and at most the %d rows", group.Start, golden.Rows))
		}
		next = group.Stop
		if err := m.tolerance(field+".tolerance", group.Tolerance); err != nil {
			return err
		}
	}
	if next != golden.Rows {
		field := fmt.Sprintf("golden.groups[%d].stop", len(golden.Groups)-1)
		return m.refuse(field, fmt.Sprint(next), fmt.Sprintf("%d, the number of rows", golden.Rows))
	}
	return nil
}

func (m meaning) tolerance(field string, tolerance map[string][]float64) error {
	for _, output := range m.meta.Outputs {
		values, ok := tolerance[output.Name]
		if !ok {
			return m.refuse(field, "without "+output.Name, "a tolerance for each output")
		}
		if n := len(values); n != 1 && n != output.Shape.Width() {
			return m.refuse(field+"."+output.Name, fmt.Sprintf("a list of %d", n), fmt.Sprintf("1 or %d values, the last axis", output.Shape.Width()))
		}
		if largest := slices.Max(values); output.DType == DTypeInt64 && largest > 0 {
			return m.refuse(field+"."+output.Name, fmt.Sprint(largest), "0, as the output is int64")
		}
	}
	if len(tolerance) != len(m.meta.Outputs) {
		return m.refuse(field, fmt.Sprintf("for %d tensors", len(tolerance)), fmt.Sprintf("the %d outputs alone", len(m.meta.Outputs)))
	}
	return nil
}
