package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/onnxfile"
)

// elementTypes are ONNX's numbers for the types that slots can bind.
var elementTypes = map[string]int{bundle.DTypeFloat32: onnxfile.Float32, bundle.DTypeInt64: onnxfile.Int64}

// Signature returns the inputs and outputs of a model that comes without metadata, in its order. Those that a slot cannot
// bind, an axis without a length behind the batch among them, are a *SignatureError.
func Signature(model []byte) (inputs, outputs []bundle.Tensor, err error) {
	signature, err := readSignature(model)
	if err != nil {
		return nil, nil, err
	}
	inputs, err = tensors(signature.Inputs, bundle.DTypeFloat32)
	if err != nil {
		return nil, nil, err
	}
	outputs, err = tensors(signature.Outputs, bundle.DTypeFloat32, bundle.DTypeInt64)
	return inputs, outputs, err
}

func readSignature(model []byte) (onnxfile.Signature, error) {
	signature, err := onnxfile.Read(model)
	if err != nil {
		return signature, &SignatureError{Tensor: "the file", Found: "unreadable (" + oneLine(err) + ")", Expected: "an ONNX model"}
	}
	return signature, nil
}

// tensors returns values as tensors, each of one of dtypes.
func tensors(values []onnxfile.Value, dtypes ...string) ([]bundle.Tensor, error) {
	found := make([]bundle.Tensor, len(values))
	for i, value := range values {
		place := slices.IndexFunc(dtypes, func(dtype string) bool { return elementTypes[dtype] == value.Type })
		if place < 0 {
			return nil, &SignatureError{
				Tensor: value.Name, Found: fmt.Sprintf("of element type %d", value.Type), Expected: strings.Join(dtypes, " or "),
			}
		}
		shape, ok := rowShape(value)
		if !ok {
			return nil, &SignatureError{
				Tensor: value.Name, Found: fmt.Sprintf("of shape %v", value.Shape), Expected: fmt.Sprintf("a free batch axis (%d) and then fixed lengths", onnxfile.Free),
			}
		}
		found[i] = bundle.Tensor{Name: value.Name, DType: dtypes[place], Shape: shape}
	}
	return found, nil
}

func rowShape(value onnxfile.Value) (bundle.Shape, bool) {
	if len(value.Shape) == 0 || value.Shape[0] != onnxfile.Free {
		return nil, false
	}
	row := make(bundle.Shape, len(value.Shape)-1)
	for i := range row {
		row[i] = int(value.Shape[i+1])
	}
	return row, row.Allocatable()
}

// verifySignature compares the model's own inputs and outputs with those that the metadata states, in order.
func verifySignature(model []byte, batch int, inputs, outputs []bundle.Tensor) error {
	signature, err := readSignature(model)
	if err != nil {
		return err
	}
	if err := verifySide("input", signature.Inputs, batch, inputs); err != nil {
		return err
	}
	return verifySide("output", signature.Outputs, batch, outputs)
}

func verifySide(side string, found []onnxfile.Value, batch int, expected []bundle.Tensor) error {
	if len(found) != len(expected) {
		return &SignatureError{
			Tensor: "the number of " + side + "s", Found: fmt.Sprint(len(found)), Expected: fmt.Sprintf("%d, as in metadata.json", len(expected)),
		}
	}
	for i, value := range found {
		if err := verifyValue(fmt.Sprintf("%s %d", side, i), value, batch, expected[i]); err != nil {
			return err
		}
	}
	return nil
}

func verifyValue(place string, value onnxfile.Value, batch int, tensor bundle.Tensor) error {
	if value.Name != tensor.Name {
		return &SignatureError{Tensor: place, Found: fmt.Sprintf("%q", value.Name), Expected: fmt.Sprintf("%q", tensor.Name)}
	}
	if value.Type != elementTypes[tensor.DType] {
		return &SignatureError{Tensor: tensor.Name, Found: fmt.Sprintf("of element type %d", value.Type), Expected: tensor.DType}
	}
	if !value.HasShape || !fits(value.Shape, onnxfile.BatchAxis(batch), tensor.Shape) {
		return &SignatureError{
			Tensor: tensor.Name, Found: fmt.Sprintf("of shape %v", value.Shape), Expected: fmt.Sprintf("[batch %v], %s", tensor.Shape, stated(batch)),
		}
	}
	return nil
}

// stated says what a model's first axis has to be.
func stated(batch int) string {
	if batch == 0 {
		return fmt.Sprintf("the first axis free (%d)", onnxfile.Free)
	}
	return fmt.Sprintf("the first axis %d, as in metadata.json", batch)
}

// fits reports whether a batch of rows of shape row can be the model's shape. Axes that the model leaves open are the
// runtime's to check, at every run; a batch axis that it fixes is a mistake, unless it is the one that the metadata states.
func fits(model []int64, batch int64, row bundle.Shape) bool {
	if len(model) != len(row)+1 || model[0] != batch {
		return false
	}
	for i, axis := range row {
		if model[i+1] != onnxfile.Free && model[i+1] != int64(axis) {
			return false
		}
	}
	return true
}
