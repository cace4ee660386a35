package bundle

import (
	"fmt"
	"slices"

	"github.com/novacron/dwcpc/go_harness/internal/onnxfile"
)

// checkRows compares the rows that a call of the model takes with what the metadata states: a model of one row under metadata
// that promises any number would fail at the second, and the reverse hides what the model can.
func (r reader) checkRows(model []byte, batch int) error {
	signature, err := onnxfile.Read(model)
	if err != nil {
		return &Error{Path: r.path(modelFile), Found: "unreadable (" + err.Error() + ")", Expected: "an ONNX model", Remedy: remedyRecompile, Err: err}
	}
	stated := onnxfile.BatchAxis(batch)
	for _, value := range slices.Concat(signature.Inputs, signature.Outputs) {
		if rows := firstAxis(value); rows != stated {
			return &Error{
				Path: r.path(MetadataFile), Field: "model.batch", Found: shownRows(stated, "null"),
				Expected: fmt.Sprintf("what fits %s, where the first axis of %s is %s", modelFile, value.Name, shownRows(rows, "free")),
				Remedy:   remedyRecompile,
			}
		}
	}
	return nil
}

func firstAxis(value onnxfile.Value) int64 {
	if len(value.Shape) == 0 {
		return onnxfile.Free
	}
	return value.Shape[0]
}

func shownRows(axis int64, free string) string {
	if axis == onnxfile.Free {
		return free
	}
	return fmt.Sprint(axis)
}
