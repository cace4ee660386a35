package ensemble

import (
	"errors"
	"fmt"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrNoMembers: the list of members is empty.
	ErrNoMembers = errors.New("ensemble: no members, expected at least one")
	// ErrNoWeight: no member has a weight above 0, or their sum is not finite.
	ErrNoWeight = errors.New("ensemble: the weights have no sum to divide by, expected a finite one above 0")
	// ErrNoLabels: a member has no Label(Outputs), so that there is nothing to vote on.
	ErrNoLabels = errors.New("ensemble: it names no classes, expected a member with Label")
	// ErrNoAnomalies: a member has no Anomaly(Outputs).
	ErrNoAnomalies = errors.New("ensemble: it decides on no anomalies, expected a member with Anomaly")
)

// NameError is a name that another member has as well, or none.
type NameError struct {
	Name string
}

// Error names it.
func (e *NameError) Error() string {
	return fmt.Sprintf("ensemble: a member is called %q, expected a name that no other has", e.Name)
}

// WeightError is a weight that is negative or not finite.
type WeightError struct {
	Member string
	Weight float64
}

// Error names the member and its weight.
func (e *WeightError) Error() string {
	return fmt.Sprintf("ensemble: the weight of %s is %v, expected a finite one of at least 0", e.Member, e.Weight)
}

// MinimumError is a number of members that cannot be asked for.
type MinimumError struct {
	Minimum int
	Members int // with a weight
}

// Error states both.
func (e *MinimumError) Error() string {
	return fmt.Sprintf("ensemble: at least %d members must answer, expected 1 to %d, those with a weight", e.Minimum, e.Members)
}

// ShapeError is a member with other outputs than the first has.
type ShapeError struct {
	Member   string
	First    string
	Found    string
	Expected string
}

// Error names both members and what each has.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("ensemble: %s has outputs of %s, expected %s as %s has", e.Member, e.Found, e.Expected, e.First)
}

// MemberError is why one member did not answer. What its model said is wrapped.
type MemberError struct {
	Member string
	Err    error
}

// Error names the member.
func (e *MemberError) Error() string {
	return fmt.Sprintf("ensemble: %s: %v", e.Member, e.Err)
}

// Unwrap returns what the model said.
func (e *MemberError) Unwrap() error { return e.Err }

// TooFewError says that fewer members answered than DropFailing asks for.
type TooFewError struct {
	Answered int
	Minimum  int
	Failed   []error // a *MemberError each, in the order of the members
}

// Error states how many answered, and why the first of the others did not.
func (e *TooFewError) Error() string {
	return fmt.Sprintf("ensemble: %d members answered, expected at least %d: %v", e.Answered, e.Minimum, e.Failed[0])
}

// Unwrap returns why each of the others did not.
func (e *TooFewError) Unwrap() []error { return e.Failed }

// DefinitionError says what is wrong with a definition's file, in one sentence.
type DefinitionError struct {
	Path     string
	Field    string // such as members[0].weight; empty for the whole file
	Found    string
	Expected string
	Err      error // the cause, or nil
}

// Error names the file, the field, what was found and what was expected.
func (e *DefinitionError) Error() string {
	place := e.Path
	if e.Field != "" {
		place += ": " + e.Field
	}
	return fmt.Sprintf("ensemble: %s is %s, expected %s; write it with `dwcpc ensemble`", place, e.Found, e.Expected)
}

// Unwrap returns the cause.
func (e *DefinitionError) Unwrap() error { return e.Err }

// InputError is a member that takes another window than the first does.
type InputError struct {
	Member   string
	First    string
	Found    string
	Expected string
}

// Error names both members and what each takes.
func (e *InputError) Error() string {
	return fmt.Sprintf("ensemble: %s takes %s, expected %s as %s does", e.Member, e.Found, e.Expected, e.First)
}
