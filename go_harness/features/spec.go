// Package features computes what a model was trained on from raw samples, by the specification that the training used: one
// definition (docs/features.md), executed in Python, here, and in the graph, with the same bits.
//
// Read or Parse a Spec, Compile it once, and give each group a Stream of its own, or leave that to Groups; Plan.Run computes a
// whole table. Sequence keeps a sequence model's window of features, Window the raw one of a model that embeds its features.
package features

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// Spec is a checked feature specification. It comes from Parse or Read and is immutable by convention: share it, but do not
// change it.
type Spec struct {
	Name    string   `json:"name"`
	Group   string   `json:"group"` // the column whose values have histories of their own; empty where all rows are one group
	Time    *Time    `json:"time"`  // nil where rows are taken as they come
	Columns []Column `json:"columns"`
	Steps   []Step   `json:"steps"`
}

// Policies on rows that break the order of time, and on text that is no category.
const (
	Refuse  = "refuse"
	Skip    = "skip"
	Keep    = "keep"
	Missing = "missing"
)

// Time is the order of a group's samples, and what becomes of those that break it.
type Time struct {
	Column    string   `json:"column"`
	Late      string   `json:"late"`      // Refuse or Skip
	Duplicate string   `json:"duplicate"` // Refuse, Skip or Keep
	MaxGap    *float64 `json:"max_gap"`   // in the column's unit; nil where no gap ends a history
}

// UnmarshalJSON fills in what the specification leaves out.
func (t *Time) UnmarshalJSON(text []byte) error {
	type plain Time
	*t = Time{Late: Refuse, Duplicate: Refuse}
	return json.Unmarshal(text, (*plain)(t))
}

// Column is a raw column: float64 numbers, or, with Categories, places in them (see Spec.Code).
type Column struct {
	Name       string   `json:"name"`
	Unit       string   `json:"unit"`
	Categories []string `json:"categories"`
	Unknown    string   `json:"unknown"` // Refuse or Missing
}

// UnmarshalJSON fills in what the specification leaves out.
func (c *Column) UnmarshalJSON(text []byte) error {
	type plain Column
	*c = Column{Unknown: Refuse}
	return json.Unmarshal(text, (*plain)(c))
}

// IsCategory is whether its values are text, which steps see as places in Categories.
func (c Column) IsCategory() bool { return len(c.Categories) > 0 }

// Step is one named feature, or with Output false what only serves later steps. Which of its fields count is for Op to say.
type Step struct {
	Name     string   `json:"name"`
	Op       string   `json:"op"`
	Unit     string   `json:"unit"`
	Fill     *float64 `json:"fill"` // what NaN becomes
	Output   bool     `json:"output"`
	Of       Names    `json:"of"`
	By       string   `json:"by"`
	Epsilon  float64  `json:"epsilon"`
	Terms    []Term   `json:"terms"`
	Window   int      `json:"window"`
	Periods  int      `json:"min_periods"`
	DDOF     int      `json:"ddof"`
	Order    int      `json:"order"`
	Samples  int      `json:"samples"`
	Above    *float64 `json:"above"`
	Below    *float64 `json:"below"`
	Strict   bool     `json:"strict"`
	Category string   `json:"category"`
	Period   float64  `json:"period"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

// UnmarshalJSON fills in what the specification leaves out.
func (s *Step) UnmarshalJSON(text []byte) error {
	type plain Step
	*s = Step{Output: true, Periods: 1, DDOF: 1, Order: 1, Strict: true}
	return json.Unmarshal(text, (*plain)(s))
}

// Term is weight · (of / per); nothing is divided where Per is nil.
type Term struct {
	Of     string   `json:"of"`
	Weight float64  `json:"weight"`
	Per    *float64 `json:"per"`
}

// Names are one name or a list of them.
type Names []string

// UnmarshalJSON reads either.
func (n *Names) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*n = Names{""}
		return json.Unmarshal(text, &(*n)[0])
	}
	return json.Unmarshal(text, (*[]string)(n))
}

// Sources are the columns and steps that it reads.
func (s Step) Sources() []string {
	if len(s.Terms) > 0 {
		sources := make([]string, len(s.Terms))
		for i, term := range s.Terms {
			sources[i] = term.Of
		}
		return sources
	}
	if s.By != "" {
		return append(slices.Clone([]string(s.Of)), s.By)
	}
	return s.Of
}

// Lookback is how many samples before the present one it reads of each source.
func (s Step) Lookback() int {
	switch s.Op {
	case "rolling_mean", "rolling_std", "rolling_min", "rolling_max":
		return s.Window - 1
	case "difference":
		return s.Order
	case "lag":
		return s.Samples
	}
	return 0
}

// Features are the names of what it computes, in order.
func (s *Spec) Features() []string {
	var names []string
	for _, step := range s.Steps {
		if step.Output {
			names = append(names, step.Name)
		}
	}
	return names
}

// ColumnNames are the names of the raw columns, in order.
func (s *Spec) ColumnNames() []string {
	names := make([]string, len(s.Columns))
	for i, column := range s.Columns {
		names[i] = column.Name
	}
	return names
}

// Lookback is how many samples before the present one its features depend on, through all steps.
func (s *Spec) Lookback() int {
	reach := map[string]int{}
	most := 0
	for _, step := range s.Steps {
		before := 0
		for _, source := range step.Sources() {
			before = max(before, reach[source])
		}
		reach[step.Name] = before + step.Lookback()
		if step.Output {
			most = max(most, reach[step.Name])
		}
	}
	return most
}

// Code returns the value of text in a category column, as a row has it: its place in the categories. Text that is none of
// them, missing (empty) text included, is NaN where the column's policy is Missing, and a *SampleError otherwise. Another
// column is a *SampleError too.
func (s *Spec) Code(column, text string) (float64, error) {
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 || !s.Columns[i].IsCategory() {
		return math.NaN(), &SampleError{Row: NoRow, Column: column, Found: "no category column", Expected: "the name of one", Err: ErrUnknownCategory}
	}
	if place := slices.Index(s.Columns[i].Categories, text); place >= 0 {
		return float64(place), nil
	}
	if s.Columns[i].Unknown == Missing {
		return math.NaN(), nil
	}
	return math.NaN(), unknownCategory(s.Columns[i], strictjson.Shown(text))
}
