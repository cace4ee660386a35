package features

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// checker finds what a schema cannot say, as compiler/features/checks.py does, in the same order.
type checker struct {
	columns map[string]Column
	steps   map[string]Step
	done    map[string]bool
	units   map[string]string
}

// firstProblem returns an *Error about what is wrong first with spec, nil where all is well.
func firstProblem(spec *Spec) error {
	if err := columnProblem(spec.Columns); err != nil {
		return err
	}
	c := checker{map[string]Column{}, map[string]Step{}, map[string]bool{}, map[string]string{}}
	for _, column := range spec.Columns {
		c.columns[column.Name], c.units[column.Name] = column, column.Unit
	}
	for _, step := range spec.Steps {
		c.steps[step.Name] = step
	}
	for _, step := range spec.Steps {
		if problem := c.step(step); problem != nil {
			return problem.in("step", step.Name)
		}
	}
	if !slices.ContainsFunc(spec.Steps, func(s Step) bool { return s.Output }) {
		return &Error{Place: "steps", Found: "none has an output", Expected: "at least one", Remedy: remedySpec}
	}
	return nil
}

// problem is what was found and what was expected instead.
type problem struct{ found, expected string }

func (p problem) in(kind, name string) error {
	return &Error{Place: kind + " " + strictjson.Shown(name), Found: p.found, Expected: p.expected, Remedy: remedySpec}
}

func columnProblem(columns []Column) error {
	seen := map[string]bool{}
	for _, column := range columns {
		if seen[column.Name] {
			return problem{"the name stands twice", "a name of its own"}.in("column", column.Name)
		}
		seen[column.Name] = true
		categories := map[string]bool{}
		for _, category := range column.Categories {
			if categories[category] {
				return problem{"the category " + strictjson.Shown(category) + " stands twice", "each once"}.in("column", column.Name)
			}
			categories[category] = true
		}
	}
	return nil
}

// step checks one step after those before it.
func (c checker) step(step Step) *problem {
	if c.done[step.Name] {
		return &problem{"the name stands twice", "a name of its own"}
	}
	for _, check := range []func(Step) *problem{c.sources, c.shadow, c.categories, ownProblem} {
		if found := check(step); found != nil {
			return found
		}
	}
	unit, clash := unitOf(step, c.units)
	c.units[step.Name], c.done[step.Name] = unit, true
	return clash
}

func (c checker) sources(step Step) *problem {
	for _, source := range step.Sources() {
		if _, isColumn := c.columns[source]; isColumn || c.done[source] {
			continue
		}
		name := strictjson.Shown(source)
		if _, isStep := c.steps[source]; !isStep {
			return &problem{"reads " + name, "a column or an earlier step"}
		}
		if cycle := c.cycle(step.Name); cycle != nil {
			return &problem{"is part of a cycle (" + strings.Join(cycle, " → ") + ")", "earlier steps alone"}
		}
		return &problem{"reads the later step " + name, "an earlier one: put " + name + " before it"}
	}
	return nil
}

// cycle returns the way from start back to itself, both ends included, or nil.
func (c checker) cycle(start string) []string {
	paths, seen := [][]string{{start}}, map[string]bool{}
	for len(paths) > 0 {
		path := paths[len(paths)-1]
		paths = paths[:len(paths)-1]
		for _, source := range c.steps[path[len(path)-1]].Sources() {
			if source == start {
				return append(slices.Clip(path), start)
			}
			if !seen[source] {
				seen[source] = true
				paths = append(paths, append(slices.Clip(path), source))
			}
		}
	}
	return nil
}

func (c checker) shadow(step Step) *problem {
	_, isColumn := c.columns[step.Name]
	if !isColumn || step.Op == "copy" && slices.Equal(step.Of, Names{step.Name}) {
		return nil
	}
	return &problem{"bears a column's name and is no copy of it", "another name or a copy of " + strictjson.Shown(step.Name)}
}

func (c checker) categories(step Step) *problem {
	reads := step.Op == "label" || step.Op == "one_hot"
	for _, source := range step.Sources() {
		column := c.columns[source]
		is := column.IsCategory() && !c.done[source]
		if is && !reads {
			return &problem{"reads the category column " + strictjson.Shown(source) + " as a number", "a label or a one_hot of it"}
		}
		if !is && reads {
			return &problem{"reads " + strictjson.Shown(source), "a category column"}
		}
		if is && step.Op == "one_hot" && !slices.Contains(column.Categories, step.Category) {
			return &problem{"category is " + strictjson.Shown(step.Category), "one of " + strictjson.Shown(column.Categories)}
		}
	}
	return nil
}

// ownProblem is about a step's own keys.
func ownProblem(step Step) *problem {
	switch step.Op {
	case "rolling_mean", "rolling_std", "rolling_min", "rolling_max":
		if step.Periods > step.Window {
			return &problem{fmt.Sprintf("min_periods is %d", step.Periods), fmt.Sprintf("at most the window, %d", step.Window)}
		}
	case "indicator":
		if (step.Above == nil) == (step.Below == nil) {
			return &problem{"above and below are both given or both missing", "one of them"}
		}
	case "clip":
		if step.Low == nil && step.High == nil {
			return &problem{"low and high are both missing", "one of them, or both"}
		}
		if step.Low != nil && step.High != nil && *step.Low > *step.High {
			return &problem{"low is " + number(*step.Low), "at most high, " + number(*step.High)}
		}
	}
	return nil
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
