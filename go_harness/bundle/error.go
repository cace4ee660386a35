package bundle

import (
	"errors"
	"fmt"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrSchemaVersion: the bundle was written for another major version of the contract.
	ErrSchemaVersion = errors.New("unknown major schema version")
	// ErrIntegrity: a file is not the one whose size and hash the metadata states.
	ErrIntegrity = errors.New("file differs from its record")
)

const remedyRecompile = "compile the bundle again"

// Error says what is wrong with a bundle, in one sentence.
type Error struct {
	Path     string // the file
	Field    string // the place inside metadata.json, such as outputs[0].dtype; empty for a whole file
	Found    string
	Expected string
	Remedy   string
	Err      error // the cause, or nil
}

// Error names the file, what was found, what was expected, and the remedy.
func (e *Error) Error() string {
	place := e.Path
	if e.Field != "" {
		place += ": " + e.Field
	}
	return fmt.Sprintf("bundle: %s is %s, expected %s; %s", place, e.Found, e.Expected, e.Remedy)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
