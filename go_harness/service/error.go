package service

import (
	"errors"
	"fmt"
	"time"
)

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrTooFewSamples: the collector does not hold a window yet.
	ErrTooFewSamples = errors.New("service: fewer samples than the model's window")
	// ErrNotFinite: the model's answer has a NaN or an infinity in it.
	ErrNotFinite = errors.New("service: the prediction is not finite")
)

// ConfigError says which part of a Config, or of the model, is of no use.
type ConfigError struct {
	Field    string
	Found    any
	Expected string
}

// Error names the field, what was found and what was expected.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("service: %s is %v, expected %s", e.Field, e.Found, e.Expected)
}

// SampleError says why a sample or a measurement was not taken: its length, or its time, which Last forbids.
type SampleError struct {
	At       time.Time
	Found    int
	Expected int
	Last     time.Time
}

// Error says which of the two it is.
func (e *SampleError) Error() string {
	if e.Found != e.Expected {
		return fmt.Sprintf("service: sample of %s has %d values, expected %d", e.At.Format(time.RFC3339), e.Found, e.Expected)
	}
	return fmt.Sprintf("service: sample is of %s, expected later than %s", e.At.Format(time.RFC3339Nano), e.Last.Format(time.RFC3339Nano))
}
