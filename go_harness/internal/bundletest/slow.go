package bundletest

// slowWidth makes one prediction take about a millisecond: 8 MB of weights are read.
const slowWidth = 1 << 18

// Slow returns the bundle of a model on 4 values that takes its time; each of its 4 outputs is the sum of the inputs.
func Slow(name, version string) Made {
	nodes := [][]byte{
		onnxNode("", "MatMul", []string{"x", "spread"}, "wide"),
		onnxNode("", "MatMul", []string{"wide", "mean"}, "y"),
	}
	// A power of two: every partial sum of small whole numbers is exact.
	weights := [][]byte{onnxMatrix("spread", 4, slowWidth, 1), onnxMatrix("mean", slowWidth, 4, 1.0/slowWidth)}
	made := Made{Name: name, Version: version, Model: onnxModel(4, 4, nodes, weights)}
	for row := range 2 {
		sum := float64(4 * row)
		made.X = append(made.X, []float32{float32(row), float32(row), float32(row), float32(row)})
		made.Y = append(made.Y, []float64{sum, sum, sum, sum})
	}
	return made
}

// Coupled returns the bundle of a model on 4 values that subtracts the largest value of the whole batch: what it says of a row
// depends on the rows beside it, and its golden rows are only right alone.
func Coupled(name, version string) Made {
	const keepDims = 0
	nodes := [][]byte{
		onnxNode("", "ReduceMax", []string{"x"}, "largest", integer("keepdims", keepDims)),
		onnxNode("", "Sub", []string{"x", "largest"}, "y"),
	}
	made := Made{Name: name, Version: version, Model: onnxModel(4, 4, nodes, nil)}
	for row := range 4 {
		top := float32(10 * row)
		made.X = append(made.X, []float32{top, top - 1, top - 2, top - 3})
		made.Y = append(made.Y, []float64{0, -1, -2, -3})
	}
	return made
}
