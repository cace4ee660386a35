package predictor

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Anomaly applies the bundle's decision to the outputs of one prediction: float64(score) <comparison> threshold. It fails
// with ErrNaN where the score is NaN, ErrNoDecision where the bundle has none, and a *LengthError where out is not from
// NewOutputs. It allocates nothing unless it fails.
func (p *Predictor) Anomaly(out Outputs) (bool, error) {
	decision := p.bundle.Metadata.Decision
	if decision == nil {
		return false, ErrNoDecision
	}
	if err := checkOutputs(out, p.bundle.Metadata.Outputs); err != nil {
		return false, err
	}
	score := float64(out[p.score][0])
	if math.IsNaN(score) {
		return false, ErrNaN
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

// scoreIndex returns which output the bundle's decision judges; without a decision it means nothing.
func scoreIndex(b *bundle.Bundle) (int, error) {
	decision := b.Metadata.Decision
	if decision == nil {
		return 0, nil
	}
	i, _ := outputIndex(b, decision.Score) // the bundle's reader has made sure of the name
	if n := b.Metadata.Outputs[i].Shape.Elements(); n != 1 {
		return 0, &bundle.Error{
			Path: filepath.Join(b.Dir, bundle.MetadataFile), Field: "decision.score", Found: fmt.Sprintf("an output of %d values", n),
			Expected: "one of a single value", Remedy: "compile the bundle again",
		}
	}
	return i, nil
}
