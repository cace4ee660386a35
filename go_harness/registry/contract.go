package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// checkContract refuses a bundle that asks something else of its callers than the version that serves.
//
// A handle's callers prepared their windows and outputs for the version that they first saw. A window of another shape, or
// outputs of another number, would fail loudly from one second to the next; the same number of columns in another order or
// unit would be worse: every prediction would be wrong, and none would fail. Neither is a model's update, so it needs another
// name, or a caller who says that it takes each version as it is.
func (r *Registry) checkContract(serving *Version, next *bundle.Bundle) error {
	if serving == nil || r.options.contractChanges {
		return nil
	}
	from, to := &serving.Bundle().Metadata, &next.Metadata
	for _, part := range contract(from, to) {
		if !reflect.DeepEqual(part.from, part.to) {
			return &ContractError{From: from.Version, To: to.Version, Field: part.field, Found: shown(part.to), Expected: shown(part.from)}
		}
	}
	return nil
}

// part is one thing that a caller relies on.
type part struct {
	field    string
	from, to any
}

// contract lists what a caller relies on, in the order in which differences are reported. The input's name and the decision's
// threshold are none of it: callers see neither.
func contract(from, to *bundle.Metadata) []part {
	in, next := from.Inputs[0], to.Inputs[0] // predictors have one input
	parts := []part{
		{"task", from.Task, to.Task},
		{"inputs[0].channels", labels(in.Channels), labels(next.Channels)},
		{"inputs[0].shape", in.Shape, next.Shape},
		{"inputs[0].units", labels(in.Units), labels(next.Units)},
		{"features", specification(from.Features), specification(to.Features)},
		{"scaler.applied", from.Scaler.Applied, to.Scaler.Applied},
		{"outputs", outputNames(from), outputNames(to)},
	}
	if from.Scaler.Applied == bundle.ScaledByHost { // the caller's own copy of it would be the old one
		parts = append(parts, part{"scaler.center", from.Scaler.Center, to.Scaler.Center}, part{"scaler.scale", from.Scaler.Scale, to.Scaler.Scale})
	}
	for i := range min(len(from.Outputs), len(to.Outputs)) {
		old, output := from.Outputs[i], to.Outputs[i]
		field := fmt.Sprintf("outputs[%d]", i)
		parts = append(parts,
			part{field + ".dtype", old.DType, output.DType},
			part{field + ".shape", old.Shape, output.Shape},
			part{field + ".channels", labels(old.Channels), labels(output.Channels)},
			part{field + ".units", labels(old.Units), labels(output.Units)},
		)
	}
	return append(parts, part{"decision", presence(from.Decision), presence(to.Decision)})
}

// labels makes lists without entries equal, whether null or [].
func labels(list []string) []string {
	return slices.Concat([]string{}, list)
}

func outputNames(meta *bundle.Metadata) []string {
	names := make([]string, len(meta.Outputs))
	for i, output := range meta.Outputs {
		names[i] = output.Name
	}
	return names
}

// specification is a feature specification as values, so that neither spaces nor the order of keys matter.
func specification(features *bundle.Features) any {
	if features == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(features.Spec))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil // the bundle's reader has parsed it before: there is none
	}
	return value
}

func presence(decision *bundle.Decision) string {
	if decision == nil {
		return "none"
	}
	return "present"
}

// maxShown keeps a list of hundreds of channels from filling the sentence.
const maxShown = 200

func shown(value any) string {
	text := fmt.Sprintf("%q", value)
	if _, isText := value.([]string); !isText {
		text = fmt.Sprint(value)
	}
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}
