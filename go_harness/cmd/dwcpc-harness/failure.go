package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/features"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/golden"
)

// usageError is a command line that cannot be carried out.
type usageError struct{ message string }

func (e *usageError) Error() string { return "dwcpc-harness: " + e.message }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// inputError is a file, other than the bundle's, that cannot be read or written as asked.
type inputError struct{ err error }

func (e *inputError) Error() string { return "dwcpc-harness: " + e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

func inputf(format string, args ...any) error {
	return &inputError{fmt.Errorf(format, args...)}
}

// internalError is a panic.
type internalError struct{ cause any }

func (e *internalError) Error() string {
	return fmt.Sprintf("dwcpc-harness: %v; this is a bug, please report it", e.cause)
}

// failure is what stdout gets instead of a result.
type failure struct {
	Error failureBody `json:"error"`
}

type failureBody struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// fail prints err and returns its exit code.
func fail(stdout io.Writer, err error) int {
	kind, code := classify(err)
	message := strings.Join(strings.Fields(err.Error()), " ")
	if printing := printJSON(stdout, failure{failureBody{Kind: kind, Message: message}}); printing != nil {
		return exitInternal
	}
	return code
}

func classify(err error) (kind string, code int) {
	var (
		usage     *usageError
		input     *inputError
		broken    *bundle.Error
		spec      *features.Error
		sample    *features.SampleError
		signature *engine.SignatureError
		library   *engine.LibraryError
		mismatch  *golden.Mismatch
		bug       *internalError
	)
	switch {
	case errors.As(err, &bug):
		return "internal", exitInternal
	case errors.As(err, &usage):
		return "usage", exitInput
	case errors.As(err, &input), errors.As(err, &spec), errors.As(err, &sample):
		return "input", exitInput
	case errors.As(err, &broken), errors.As(err, &signature):
		return "bundle", exitInput
	case errors.As(err, &library):
		return "library", exitInput
	case errors.As(err, &mismatch):
		return "golden_mismatch", exitMismatch
	}
	return "runtime", exitInternal
}
