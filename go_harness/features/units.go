package features

import (
	"slices"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// noUnit is the unit of a pure number; the empty text is one that is not known, and not checked.
const noUnit = "1"

var (
	convertUnits = []string{"ratio", "product", "weighted_sum"}
	keepUnits    = []string{
		"copy", "clip", "difference", "lag", "rolling_max", "rolling_mean", "rolling_min", "rolling_std", "sum",
	}
)

// operand is a source with its unit.
type operand struct{ unit, source string }

// unitOf returns a step's unit, derived from its sources', or the clash of two units.
func unitOf(step Step, units map[string]string) (string, *problem) {
	derived, clash := derivedUnit(step, units)
	if clash != nil {
		return "", clash
	}
	if step.Unit == "" {
		return derived, nil
	}
	if derived != "" && step.Unit != derived && !slices.Contains(convertUnits, step.Op) {
		return "", &problem{"unit is " + strictjson.Shown(step.Unit), strictjson.Shown(derived) + ", as its source"}
	}
	return step.Unit, nil
}

func derivedUnit(step Step, units map[string]string) (string, *problem) {
	if step.Op == "weighted_sum" {
		return commonUnit(termUnits(step.Terms, units))
	}
	var of []operand
	for _, source := range step.Sources() {
		of = append(of, operand{units[source], source})
	}
	switch {
	case step.Op == "ratio":
		return quotientUnit(of[0].unit, of[1].unit), nil
	case step.Op == "product":
		return productUnit(of), nil
	case slices.Contains(keepUnits, step.Op):
		return commonUnit(of)
	}
	return noUnit, nil
}

func termUnits(terms []Term, units map[string]string) []operand {
	of := make([]operand, len(terms))
	for i, term := range terms {
		of[i] = operand{units[term.Of], term.Of}
		if term.Per != nil {
			of[i].unit = noUnit
		}
	}
	return of
}

func commonUnit(of []operand) (string, *problem) {
	first := operand{}
	for _, o := range of {
		switch {
		case o.unit == "" || o.unit == first.unit:
		case first.unit == "":
			first = o
		default:
			shown := strictjson.Shown
			return "", &problem{
				shown(first.source) + " is in " + shown(first.unit) + " and " + shown(o.source) + " in " + shown(o.unit),
				"one unit (a weighted_sum's per converts)",
			}
		}
	}
	return first.unit, nil
}

func quotientUnit(of, by string) string {
	switch {
	case of == "" || by == "":
		return ""
	case of == by:
		return noUnit
	}
	return of + "/" + by
}

func productUnit(of []operand) string {
	var factors []string
	for _, o := range of {
		if o.unit == "" {
			return ""
		}
		if o.unit != noUnit {
			factors = append(factors, o.unit)
		}
	}
	if len(factors) == 0 {
		return noUnit
	}
	return strings.Join(factors, "·")
}
