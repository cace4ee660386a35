package predictor

import (
	"errors"
	"fmt"

	"github.com/novacron/dwcpc/go_harness/internal/engine"
	"github.com/novacron/dwcpc/go_harness/internal/golden"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrClosed: the predictor was closed before the call could run.
	ErrClosed = errors.New("predictor: closed")
	// ErrNaN: the score is not a number, so there is nothing to decide. An input that is NaN or infinite gives such a score.
	ErrNaN = errors.New("predictor: the score is NaN, expected a number; the input was not finite")
	// ErrNoDecision: the bundle has no threshold, so its model names no anomalies.
	ErrNoDecision = errors.New("predictor: metadata.json has no decision; compile the bundle with a threshold")
)

// Mismatch is a golden value that the model does not reproduce in this runtime: do not serve it.
type Mismatch = golden.Mismatch

// SignatureError says that model.onnx has other inputs or outputs than metadata.json states.
type SignatureError = engine.SignatureError

// LengthError is a slice that does not hold one row of a tensor.
type LengthError struct {
	Tensor   string // the input's or output's name, or "outputs" for the number of them
	Found    int
	Expected int
}

// Error names the tensor, what was found and what was expected.
func (e *LengthError) Error() string {
	return fmt.Sprintf("predictor: %s is of length %d, expected %d", e.Tensor, e.Found, e.Expected)
}
