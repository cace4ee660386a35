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
	// ErrNotAnswered: the model has no answer to the row. Where the bundle's non_finite is "propagated", that is so for each
	// row with a NaN or an infinity in it.
	ErrNotAnswered = errors.New("predictor: the model did not answer the row, expected only finite values in it")
	// ErrNoDecision: the bundle has no threshold, so its model names no anomalies.
	ErrNoDecision = errors.New("predictor: metadata.json has no decision; compile the bundle with a threshold")
	// ErrNoLabel: the bundle's model names no classes.
	ErrNoLabel = errors.New("predictor: metadata.json has no classifier's output \"label\"; open the bundle of a classifier")
	// ErrNoChannels: the bundle does not name its input's columns, so nobody can say whether a service feeds the right ones.
	ErrNoChannels = errors.New("predictor: metadata.json names no channels; compile the bundle with the features' names")
)

// Mismatch is a golden value that the model does not reproduce in this runtime: do not serve it.
type Mismatch = golden.Mismatch

// FeatureMismatch is a golden feature that this program computes differently: it would feed the model other features than it was
// trained on.
type FeatureMismatch = golden.FeatureMismatch

// SignatureError says that model.onnx has other inputs or outputs than metadata.json states.
type SignatureError = engine.SignatureError

// LengthError is a slice that does not hold one row of a tensor, or the rows of a batch.
type LengthError struct {
	Tensor   string // the input's or output's name, or "outputs" for the number of them
	DType    string // of the slice: an output of the other type expects 0 values in it; empty for the number of outputs
	Found    int
	Expected int
}

// Error names the tensor, what was found and what was expected.
func (e *LengthError) Error() string {
	if e.DType == "" {
		return fmt.Sprintf("predictor: %d %s, expected %d", e.Found, e.Tensor, e.Expected)
	}
	return fmt.Sprintf("predictor: %s holds %d values of %s, expected %d", e.Tensor, e.Found, e.DType, e.Expected)
}

// BatchError is a batch of more rows than the predictor was opened for.
type BatchError struct {
	Rows  int
	Limit int
}

// Error names both numbers and the remedy.
func (e *BatchError) Error() string {
	return fmt.Sprintf("predictor: a batch of %d rows, expected at most %d; open the bundle WithBatch(%d) or split it", e.Rows, e.Limit, e.Rows)
}
