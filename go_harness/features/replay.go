package features

import "fmt"

// Replay computes the features of a raw window as Python's executor does, for what was computed there: the rows, oldest first,
// are a history of their own, whatever the specification says of order and of unknown categories, and dst gets the features of
// all but the first Lookback of them. Both are flat.
func (p *Plan) Replay(dst, raw []float64) error {
	columns, lookback := len(p.spec.Columns), p.spec.Lookback()
	rows := len(raw) / columns
	if len(raw) != rows*columns || rows <= lookback {
		return fmt.Errorf("features: a window of %d values, expected rows of %d, and more than the lookback of %d", len(raw), columns, lookback)
	}
	if expected := (rows - lookback) * p.features; len(dst) != expected {
		return &LengthError{What: "features", Found: len(dst), Expected: expected}
	}
	s := p.NewStream()
	for row := range rows {
		s.compute(raw[row*columns : (row+1)*columns])
		if row >= lookback {
			copy(dst[(row-lookback)*p.features:(row-lookback+1)*p.features], s.features())
		}
	}
	return nil
}

// Loose tells, for each feature, whether a sine, a cosine or a logarithm is part of it: those differ in the last digits from
// what another language computes, where all others are the same bits.
func (s *Spec) Loose() []bool {
	loose := map[string]bool{}
	var features []bool
	for _, step := range s.Steps {
		is := step.Op == "sin" || step.Op == "cos" || step.Op == "log1p"
		for _, source := range step.Sources() {
			is = is || loose[source]
		}
		loose[step.Name] = is
		if step.Output {
			features = append(features, is)
		}
	}
	return features
}
