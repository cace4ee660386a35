package predictor

import (
	"math"
	"slices"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// labelOutput is what a classifier's int64 output of one value a row is called.
const labelOutput = "label"

// none is the index of an output that the bundle does not have.
const none = -1

// Label returns the class that the model names in the outputs of one prediction. It fails with ErrNotAnswered where the row
// was not answered, ErrNoLabel where the bundle's task is not classification or it has no int64 output "label", and a
// *LengthError where out is not from NewOutputs. It allocates nothing unless it fails.
func (p *Predictor) Label(out Outputs) (int64, error) {
	if p.label == none {
		return 0, ErrNoLabel
	}
	if err := checkOutputs(out, p.bundle.Metadata.Outputs, 1); err != nil {
		return 0, err
	}
	label := out[p.label].Int64[0]
	// -1 alone says nothing: it may be a class.
	if label == bundle.Unanswered && p.witness != none && math.IsNaN(float64(out[p.witness].Float32[0])) {
		return 0, ErrNotAnswered
	}
	return label, nil
}

// labelIndex returns which output is a classifier's label, or none.
func labelIndex(meta *bundle.Metadata) int {
	if meta.Task != bundle.TaskClassification {
		return none
	}
	return slices.IndexFunc(meta.Outputs, func(output bundle.Tensor) bool {
		return output.Name == labelOutput && output.DType == bundle.DTypeInt64 && output.Shape.Elements() == 1
	})
}

// witnessIndex returns the output whose NaN says that a row was not answered, or none where the model answers every row. Where
// it does not, the bundle's reader has made sure that there is one.
func witnessIndex(meta *bundle.Metadata) int {
	if meta.NonFinite != bundle.NonFinitePropagated {
		return none
	}
	return slices.IndexFunc(meta.Outputs, func(output bundle.Tensor) bool { return output.DType == bundle.DTypeFloat32 })
}
