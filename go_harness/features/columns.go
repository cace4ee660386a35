package features

// CheckColumns compares the columns that a service feeds, in its order, with the raw columns of the specification. Another
// name, order or count is a *ColumnsError. Ask once, when the service starts: neither list changes.
func (s *Spec) CheckColumns(names []string) error {
	return s.firstDifference("column", names, s.ColumnNames())
}

// CheckFeatures compares a model's input columns with the features that the specification computes, in the same way.
func (s *Spec) CheckFeatures(names []string) error {
	return s.firstDifference("feature", names, s.Features())
}

func (s *Spec) firstDifference(what string, found, expected []string) error {
	for i := range max(len(found), len(expected)) {
		e := &ColumnsError{Spec: s.Name, What: what, Index: i, FoundCount: len(found), ExpectedCount: len(expected)}
		if i < len(found) {
			e.Found = found[i]
		}
		if i < len(expected) {
			e.Expected = expected[i]
		}
		if e.Found != e.Expected || i >= min(len(found), len(expected)) {
			return e
		}
	}
	return nil
}
