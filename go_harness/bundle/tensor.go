package bundle

import (
	"encoding/json"
	"fmt"
)

// Element types of a tensor.
const (
	DTypeFloat32 = "float32"
	DTypeInt64   = "int64" // of outputs only: labels and flags
)

// batchAxis is how metadata.json writes the free axis.
const batchAxis = "batch"

// Tensor is one input or output; Channels and Units run along the last axis, or are empty.
type Tensor struct {
	Name     string   `json:"name"`
	DType    string   `json:"dtype"`
	Shape    Shape    `json:"shape"`
	Channels []string `json:"channels"`
	Units    []string `json:"units"`
}

// Shape is the axes of one row: what follows "batch" in metadata.json.
type Shape []int

// UnmarshalJSON reads ["batch", 30, 12].
func (s *Shape) UnmarshalJSON(data []byte) error {
	var axes []json.RawMessage
	if err := json.Unmarshal(data, &axes); err != nil {
		return fmt.Errorf("bundle: shape: %w", err)
	}
	var batch string
	if len(axes) == 0 || json.Unmarshal(axes[0], &batch) != nil || batch != batchAxis {
		return fmt.Errorf("bundle: shape is %s, expected a list that starts with %q", data, batchAxis)
	}
	row := make(Shape, len(axes)-1)
	for i := range row {
		if err := json.Unmarshal(axes[i+1], &row[i]); err != nil {
			return fmt.Errorf("bundle: shape: %w", err)
		}
	}
	*s = row
	return nil
}

// MarshalJSON writes ["batch", 30, 12].
func (s Shape) MarshalJSON() ([]byte, error) {
	axes := []any{batchAxis}
	for _, axis := range s {
		axes = append(axes, axis)
	}
	return json.Marshal(axes)
}

// MaxRowElements bounds one row of one tensor, so that a slot for it can be allocated: 64 MiB of float32.
const MaxRowElements = 1 << 24

// Allocatable reports whether a row has a value and at most MaxRowElements of them.
func (s Shape) Allocatable() bool {
	elements := 1
	for _, axis := range s {
		if axis < 1 || axis > MaxRowElements/elements {
			return false
		}
		elements *= axis
	}
	return true
}

// Elements returns the number of values in one row.
func (s Shape) Elements() int {
	n := 1
	for _, axis := range s {
		n *= axis
	}
	return n
}

// Width returns the length of the last axis, and 1 where a row is a single value.
func (s Shape) Width() int {
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// Batched returns the shape of rows rows.
func (s Shape) Batched(rows int) []int {
	return append([]int{rows}, s...)
}
