package features

import (
	"errors"
	"fmt"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrSchemaVersion: the specification was written for another major version of the contract.
	ErrSchemaVersion = errors.New("unknown major schema version")
	// ErrNoGroup: a row has no group key.
	ErrNoGroup = errors.New("no group key")
	// ErrTime: a row's time is NaN or infinite.
	ErrTime = errors.New("time is not finite")
	// ErrLate: a row is older than its group's last one.
	ErrLate = errors.New("late sample")
	// ErrDuplicate: a row is as old as its group's last one.
	ErrDuplicate = errors.New("duplicate time")
	// ErrUnknownCategory: a value is not among its column's categories.
	ErrUnknownCategory = errors.New("unknown category")
	// ErrLimit: a new group would be one more than allowed.
	ErrLimit = errors.New("too many groups")
)

const remedySpec = "see docs/features.md and `dwcpc features check`"

// Error says what is wrong with a specification, in one sentence.
type Error struct {
	Path     string // the file; empty where there is none
	Place    string // the step, the column or the field; empty for the whole document
	Found    string // a clause, such as: window is -3
	Expected string
	Remedy   string
	Err      error // the cause, or nil
}

// Error names the file, the step, what was found, what was expected, and the remedy.
func (e *Error) Error() string {
	text := "features: "
	if e.Path != "" {
		text += e.Path + ": "
	}
	if e.Place != "" {
		text += e.Place + ": "
	}
	return text + e.Found + ", expected " + e.Expected + "; " + e.Remedy
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NoRow is a SampleError's Row where the sample was no row of a table.
const NoRow = -1

// SampleError is a sample that was refused; nothing was taken from it.
type SampleError struct {
	Row      int // in the table, from 0; NoRow for a stream's sample
	Column   string
	Found    string
	Expected string
	Err      error // one of the causes above
}

// Error names the row, the column, what was found and what was expected.
func (e *SampleError) Error() string {
	place := e.Column
	if e.Row != NoRow {
		place = fmt.Sprintf("row %d: %s", e.Row, e.Column)
	}
	return fmt.Sprintf("features: %s is %s, expected %s; nothing was taken from the sample", place, e.Found, e.Expected)
}

// Unwrap returns the cause.
func (e *SampleError) Unwrap() error { return e.Err }

// ColumnsError says that a service feeds other columns than the specification reads, or a model other features than it
// computes. Index is the first that differs; where one list ends before that, Found or Expected is empty.
type ColumnsError struct {
	Spec          string
	What          string // "column" or "feature"
	Index         int
	Found         string
	Expected      string
	FoundCount    int
	ExpectedCount int
}

// Error names the first difference and both counts.
func (e *ColumnsError) Error() string {
	return fmt.Sprintf("features: %s: %s %d of %d is %s, expected %s of the specification's %d; keep its names and its order",
		e.Spec, e.What, e.Index, e.FoundCount, nameOrNone(e.Found), nameOrNone(e.Expected), e.ExpectedCount)
}

func nameOrNone(name string) string {
	if name == "" {
		return "none"
	}
	return fmt.Sprintf("%q", name)
}

// LengthError is a slice that does not hold one value for each column, feature or row.
type LengthError struct {
	What     string
	Found    int
	Expected int
}

// Error says what the slice is for, what was found and what was expected.
func (e *LengthError) Error() string {
	return fmt.Sprintf("features: %d values for the %s, expected %d", e.Found, e.What, e.Expected)
}

// LimitError is a sample of a new group where there are as many groups as WithLimit allows.
type LimitError struct {
	Key   string
	Limit int
}

// Error names the key, the limit and the remedy.
func (e *LimitError) Error() string {
	return fmt.Sprintf("features: group %q would be one more than the %d that are allowed; Forget one that ended, or raise WithLimit", e.Key, e.Limit)
}

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }
