package features

import (
	"errors"
	"fmt"
)

// Table is rows in the order in which they arrived: for each raw column its values, and for each row its group and its time,
// where the specification has them.
type Table struct {
	Columns [][]float64
	Groups  []string
	Times   []float64
}

// Computed is the features of a table's rows, without those that were skipped.
type Computed struct {
	Features []float64 // row by row
	Rows     []int     // which row of the table each is of
}

// Run computes a whole table, with the same bits as a stream for each of its groups. The first row that is refused ends it, as
// a *SampleError that names the row; lists of other lengths are a *LengthError.
func (p *Plan) Run(table Table) (*Computed, error) {
	rows, err := p.rowsOf(table)
	if err != nil {
		return nil, err
	}
	done := &Computed{Features: make([]float64, rows*p.features), Rows: make([]int, 0, rows)}
	groups := p.NewGroups(WithLimit(rows))
	row := make([]float64, len(table.Columns))
	for i := range rows {
		for c, column := range table.Columns {
			row[c] = column[i]
		}
		start := len(done.Rows) * p.features
		status, err := groups.Push(done.Features[start:start+p.features], at(table.Groups, i), at(table.Times, i), row)
		if err != nil {
			return nil, inRow(i, err)
		}
		if status == Taken {
			done.Rows = append(done.Rows, i)
		}
	}
	done.Features = done.Features[:len(done.Rows)*p.features]
	return done, nil
}

// at returns a value of a list that may be left out.
func at[T any](list []T, i int) T {
	if list == nil {
		return *new(T)
	}
	return list[i]
}

func inRow(row int, err error) error {
	var sample *SampleError
	if errors.As(err, &sample) {
		sample.Row = row
	}
	return err
}

func (p *Plan) rowsOf(table Table) (int, error) {
	if len(table.Columns) != len(p.spec.Columns) {
		return 0, &LengthError{What: "columns of a table", Found: len(table.Columns), Expected: len(p.spec.Columns)}
	}
	rows := len(table.Columns[0])
	for i, column := range table.Columns {
		if len(column) != rows {
			return 0, &LengthError{What: fmt.Sprintf("rows of column %q", p.spec.Columns[i].Name), Found: len(column), Expected: rows}
		}
	}
	if p.spec.Group != "" && len(table.Groups) != rows {
		return 0, &LengthError{What: "rows of the group " + p.spec.Group, Found: len(table.Groups), Expected: rows}
	}
	if p.spec.Time != nil && len(table.Times) != rows {
		return 0, &LengthError{What: "rows of the time " + p.spec.Time.Column, Found: len(table.Times), Expected: rows}
	}
	return rows, nil
}
