package registry

import (
	"errors"
	"fmt"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrClosed: the registry was closed, or the handle unloaded.
	ErrClosed = errors.New("registry: closed")
	// ErrUnknown: the registry has no such model, or the model no such version.
	ErrUnknown = errors.New("not in the registry")
)

// LoadError says which version could not be served, and what is served instead. Err is the reason: a *bundle.Error, a
// *predictor.SignatureError, a *predictor.Mismatch, a *ContractError, or wraps ErrUnknown.
type LoadError struct {
	Model   string
	Version string // empty where `latest` names none
	Serving string // the version that goes on serving; empty where there is none
	Err     error
}

// Error names the model, the version, what serves instead, and the reason.
func (e *LoadError) Error() string {
	what := e.Model
	if e.Version != "" {
		what += " v" + e.Version
	}
	if e.Serving == "" {
		return fmt.Sprintf("registry: %s cannot be served: %v", what, e.Err)
	}
	return fmt.Sprintf("registry: %s cannot be served, v%s goes on: %v", what, e.Serving, e.Err)
}

// Unwrap returns the reason.
func (e *LoadError) Unwrap() error { return e.Err }

// ContractError says that a version asks something else of its callers than the one that serves. Found and Expected are the
// first place in metadata.json where the two differ.
type ContractError struct {
	From     string // the version that serves
	To       string
	Field    string
	Found    string
	Expected string
}

// Error names the first difference and the remedy.
func (e *ContractError) Error() string {
	return fmt.Sprintf("%s is %s in v%s, expected %s as in v%s; publish it under another name, or allow it with WithContractChanges",
		e.Field, e.Found, e.To, e.Expected, e.From)
}
