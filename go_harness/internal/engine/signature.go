package engine

import (
	"fmt"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/onnxfile"
)

// elementTypes are ONNX's numbers for the types that slots can bind.
var elementTypes = map[string]int{bundle.DTypeFloat32: onnxfile.Float32, bundle.DTypeInt64: onnxfile.Int64}

// verifySignature compares the model's own inputs and outputs with those that the metadata states, in order.
func verifySignature(model []byte, inputs, outputs []bundle.Tensor) error {
	signature, err := onnxfile.Read(model)
	if err != nil {
		return &SignatureError{Tensor: "the file", Found: "unreadable (" + oneLine(err) + ")", Expected: "an ONNX model"}
	}
	if err := verifySide("input", signature.Inputs, inputs); err != nil {
		return err
	}
	return verifySide("output", signature.Outputs, outputs)
}

func verifySide(side string, found []onnxfile.Value, expected []bundle.Tensor) error {
	if len(found) != len(expected) {
		return &SignatureError{
			Tensor: "the number of " + side + "s", Found: fmt.Sprint(len(found)), Expected: fmt.Sprintf("%d, as in metadata.json", len(expected)),
		}
	}
	for i, value := range found {
		if err := verifyValue(fmt.Sprintf("%s %d", side, i), value, expected[i]); err != nil {
			return err
		}
	}
	return nil
}

func verifyValue(place string, value onnxfile.Value, tensor bundle.Tensor) error {
	if value.Name != tensor.Name {
		return &SignatureError{Tensor: place, Found: fmt.Sprintf("%q", value.Name), Expected: fmt.Sprintf("%q", tensor.Name)}
	}
	if value.Type != elementTypes[tensor.DType] {
		return &SignatureError{Tensor: tensor.Name, Found: fmt.Sprintf("of element type %d", value.Type), Expected: tensor.DType}
	}
	if !value.HasShape || !fits(value.Shape, tensor.Shape) {
		return &SignatureError{
			Tensor: tensor.Name, Found: fmt.Sprintf("of shape %v", value.Shape), Expected: fmt.Sprintf("[batch %v], the first axis free (%d)", tensor.Shape, onnxfile.Free),
		}
	}
	return nil
}

// fits reports whether a batch of rows of shape row can be the model's shape. Axes that the model leaves open are the
// runtime's to check, at every run; a batch axis that it fixes is a mistake.
func fits(model []int64, row bundle.Shape) bool {
	if len(model) != len(row)+1 || model[0] != onnxfile.Free {
		return false
	}
	for i, axis := range row {
		if model[i+1] != onnxfile.Free && model[i+1] != int64(axis) {
			return false
		}
	}
	return true
}
