package bundle

// Output is the values of one output, flat and row-major, in the slice that its dtype names; the other one is nil.
type Output struct {
	Float32 []float32
	Int64   []int64
}

// NewOutput returns zeros for rows rows of t.
func (t Tensor) NewOutput(rows int) Output {
	n := rows * t.Shape.Elements()
	if t.DType == DTypeInt64 {
		return Output{Int64: make([]int64, n)}
	}
	return Output{Float32: make([]float32, n)}
}
