package abtest

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrNotANumber: a loss is NaN. It was not recorded.
var ErrNotANumber = errors.New("abtest: the loss is not a number, expected one within the limits")

// ConfigError is a setting that no experiment can be made of.
type ConfigError struct {
	Field    string
	Found    string
	Expected string
}

// Error names the setting, what was found and what was expected.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("abtest: %s is %s, expected %s", e.Field, e.Found, e.Expected)
}

// ArmError is an arm that the experiment does not have.
type ArmError struct {
	Arm  int
	Arms int
}

// Error states both.
func (e *ArmError) Error() string {
	return fmt.Sprintf("abtest: arm %d, expected 0 to %d", e.Arm, e.Arms-1)
}

// LatencyError is a latency below zero. It was not recorded.
type LatencyError struct {
	Latency time.Duration
}

// Error states it.
func (e *LatencyError) Error() string {
	return fmt.Sprintf("abtest: a latency of %v, expected at least 0", e.Latency)
}

func wrong(field string, found any, expected string) error {
	return &ConfigError{Field: field, Found: fmt.Sprint(found), Expected: expected}
}

func checkArms(arms []Arm) error {
	if n := len(arms); n < 1 || n > maxArms {
		return wrong("the number of arms", n, fmt.Sprintf("1 to %d", maxArms))
	}
	names := map[string]bool{"": true}
	total := 0.0
	for _, arm := range arms {
		if names[arm.Name] {
			return wrong("an arm's name", fmt.Sprintf("%q", arm.Name), "one that no other arm has")
		}
		if w := arm.Weight; !(w >= 0) || math.IsInf(w, 1) {
			return wrong("the weight of "+arm.Name, w, "a finite number of at least 0")
		}
		names[arm.Name] = true
		total += arm.Weight
	}
	if total == 0 {
		return wrong("each weight", 0, "one above 0")
	}
	return nil
}
