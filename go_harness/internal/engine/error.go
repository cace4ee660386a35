package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrClosed: the runtime, session or slot was closed before.
	ErrClosed = errors.New("engine: closed")
	// ErrInUse: something that was made from it is still open.
	ErrInUse = errors.New("engine: still in use")
)

// Attempt is one library that could not be used.
type Attempt struct {
	Path   string
	From   string // the option, variable or rule that named the path
	Reason string
}

// LibraryError says that no usable runtime library was found, and where it was looked for.
type LibraryError struct {
	Attempts  []Attempt
	Version   string // the version of the last library that was too old, if any
	NeededAPI int
}

// Error names every path with its reason, the API version needed and the remedy.
func (e *LibraryError) Error() string {
	tried := make([]string, len(e.Attempts))
	for i, attempt := range e.Attempts {
		tried[i] = fmt.Sprintf("%s (%s): %s", attempt.Path, attempt.From, attempt.Reason)
	}
	return fmt.Sprintf(
		"engine: no usable onnxruntime library, tried %s; C API %d is needed, that is onnxruntime 1.%d or newer: set %s to its path",
		strings.Join(tried, "; "), e.NeededAPI, e.NeededAPI, libraryVariables[0],
	)
}

// SignatureError says that a model's inputs or outputs are not those that were asked for.
type SignatureError struct {
	Tensor   string
	Found    string
	Expected string
}

// Error names the tensor, what the model has and what was asked for.
func (e *SignatureError) Error() string {
	return fmt.Sprintf("engine: model.onnx: %s is %s, expected %s; compile the bundle again", e.Tensor, e.Found, e.Expected)
}

// RowsError says that a slot was asked for with more rows than a call of the model takes.
type RowsError struct {
	Found    int
	Expected int
}

// Error names both numbers.
func (e *RowsError) Error() string {
	return fmt.Sprintf("engine: slot for %d rows, expected %d, all that a call of this model takes", e.Found, e.Expected)
}
