package features

import "fmt"

// verdict is what becomes of a sample.
type verdict int

const (
	take  verdict = iota
	skip          // it leaves no trace
	begin         // it is taken, as its group's first one
)

// order judges the samples of one group by their time and their categories.
type order struct {
	plan    *Plan
	started bool
	last    float64 // the time of the sample that was taken last
}

// judge says what becomes of a sample. It changes nothing: what is not refused is to be taken with taken.
func (o *order) judge(at float64, row []float64) (verdict, error) {
	if len(row) != len(o.plan.spec.Columns) {
		return skip, &LengthError{What: "columns of a sample", Found: len(row), Expected: len(o.plan.spec.Columns)}
	}
	v, err := o.byTime(at)
	if v == skip || err != nil {
		return skip, err
	}
	for _, c := range o.plan.categories {
		if !c.allows(row[c.column]) {
			return skip, unknownCategory(o.plan.spec.Columns[c.column], number(row[c.column]))
		}
	}
	return v, nil
}

func (o *order) byTime(at float64) (verdict, error) {
	time := o.plan.spec.Time
	if time == nil {
		return take, nil
	}
	if !isFinite(at) {
		return skip, o.refusal(number(at), "a finite time", ErrTime)
	}
	if !o.started {
		return take, nil
	}
	switch {
	case at < o.last && time.Late == Skip, at == o.last && time.Duplicate == Skip:
		return skip, nil
	case at < o.last:
		return skip, o.refusal(number(at), "no time before "+number(o.last)+", the group's last", ErrLate)
	case at == o.last && time.Duplicate == Refuse:
		return skip, o.refusal(number(at), "a time after it, the group's last", ErrDuplicate)
	case time.MaxGap != nil && at-o.last > *time.MaxGap:
		return begin, nil
	}
	return take, nil
}

func (o *order) refusal(found, expected string, cause error) error {
	return &SampleError{Row: NoRow, Column: o.plan.spec.Time.Column, Found: found, Expected: expected, Err: cause}
}

func (o *order) taken(at float64) { o.started, o.last = true, at }

// category is a column of places, and what they may be.
type category struct {
	column  int
	count   int
	missing bool // whether what is no place is NaN
}

// place returns the value of a category column that steps see: NaN for what is no place.
func (c category) place(value float64) float64 {
	if value >= 0 && value < float64(c.count) && value == float64(int(value)) {
		return float64(int(value)) // -0 is 0
	}
	return nan
}

func (c category) allows(value float64) bool {
	return c.missing || !isNaN(c.place(value))
}

func unknownCategory(column Column, found string) error {
	return &SampleError{
		Row: NoRow, Column: column.Name, Found: found, Expected: fmt.Sprintf("one of its %d categories", len(column.Categories)), Err: ErrUnknownCategory,
	}
}
