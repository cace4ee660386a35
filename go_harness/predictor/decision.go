package predictor

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Anomaly applies the bundle's decision to the outputs of one prediction: that of its flag where it has one, and else
// float64(score) <comparison> threshold. It fails with ErrNotAnswered where the flag is neither 1 nor 0 or the score is NaN,
// ErrNoDecision where the bundle has none, and a *LengthError where out is not from NewOutputs. It allocates nothing unless it
// fails.
func (p *Predictor) Anomaly(out Outputs) (bool, error) {
	decision := p.bundle.Metadata.Decision
	if decision == nil {
		return false, ErrNoDecision
	}
	if err := checkOutputs(out, p.bundle.Metadata.Outputs, 1); err != nil {
		return false, err
	}
	if decision.Flag != nil {
		return flagged(out[p.judged].Int64[0])
	}
	return beyond(float64(out[p.judged].Float32[0]), decision)
}

func flagged(flag int64) (bool, error) {
	switch flag {
	case 1:
		return true, nil
	case 0:
		return false, nil
	default: // bundle.Unanswered: the contract knows no fourth
		return false, ErrNotAnswered
	}
}

func beyond(score float64, decision *bundle.Decision) (bool, error) {
	if math.IsNaN(score) {
		return false, ErrNotAnswered
	}
	switch decision.Comparison {
	case ">":
		return score > decision.Threshold, nil
	case ">=":
		return score >= decision.Threshold, nil
	case "<":
		return score < decision.Threshold, nil
	default: // "<=": the schema knows no fifth
		return score <= decision.Threshold, nil
	}
}

// judgedIndex returns which output the bundle's decision judges: its flag, or else its score. Without a decision it means
// nothing.
func judgedIndex(b *bundle.Bundle) (int, error) {
	decision := b.Metadata.Decision
	if decision == nil {
		return 0, nil
	}
	if decision.Flag != nil {
		i, _ := outputIndex(b, *decision.Flag) // the bundle's reader has made sure of the name, and of one value a row
		return i, nil
	}
	i, _ := outputIndex(b, decision.Score)
	if n := b.Metadata.Outputs[i].Shape.Elements(); n != 1 {
		return 0, &bundle.Error{
			Path: filepath.Join(b.Dir, bundle.MetadataFile), Field: "decision.score", Found: fmt.Sprintf("an output of %d values", n),
			Expected: "one of a single value", Remedy: "compile the bundle again",
		}
	}
	return i, nil
}
