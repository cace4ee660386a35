package bundletest

// The forest's trees are complete binary ones of forestDepth decisions, so that a few hundred make a file of 20 MB.
const (
	forestDepth    = 10
	forestFeatures = 4
	forestInternal = 1<<forestDepth - 1
	forestNodes    = 1<<(forestDepth+1) - 1
)

// Forest returns the bundle of trees complete trees on 4 values, about 83 kB each, plus a constant. A session of it is many
// small blocks of memory, as that of a real forest.
func Forest(name, version string, trees int, constant float32) Made {
	made := Made{Name: name, Version: version, Model: forestModel(trees, constant)}
	for row := range 4 {
		x := make([]float32, forestFeatures)
		for i := range x {
			x[i] = float32(row*i) - 2.5
		}
		sum := float64(constant)
		for tree := range trees {
			sum += float64(leafWeight(tree, leafOf(tree, x)))
		}
		made.X, made.Y = append(made.X, x), append(made.Y, []float64{sum})
	}
	return made
}

// threshold, leafWeight and the feature of a node, which is its depth modulo forestFeatures, are the forest.
func threshold(tree, node int) float32 { return float32((tree*7+node*3)%11) - 5 }

func leafWeight(tree, node int) float32 { return float32((tree + node) % 5) }

func featureOf(node int) int {
	depth := 0
	for ; node > 0; node = (node - 1) / 2 {
		depth++
	}
	return depth % forestFeatures
}

func leafOf(tree int, x []float32) int {
	node := 0
	for node < forestInternal {
		child := 2*node + 1
		if x[featureOf(node)] > threshold(tree, node) {
			child++
		}
		node = child
	}
	return node
}

// forestModel is one TreeEnsembleRegressor.
func forestModel(trees int, constant float32) []byte {
	return onnxModel(forestFeatures, 1, [][]byte{forestNode(trees, constant)}, nil)
}

func forestNode(trees int, constant float32) []byte {
	var ids, nodeIDs, features, yes, no, targetTrees, targetNodes, targets []int
	var values, weights []float32
	var modes []string
	for tree := range trees {
		for node := range forestNodes {
			mode, value, feature, left := "LEAF", float32(0), 0, 0
			if node < forestInternal {
				mode, value, feature, left = "BRANCH_LEQ", threshold(tree, node), featureOf(node), 2*node+1
			} else {
				targetTrees, targetNodes, targets = append(targetTrees, tree), append(targetNodes, node), append(targets, 0)
				weights = append(weights, leafWeight(tree, node))
			}
			ids, nodeIDs, features = append(ids, tree), append(nodeIDs, node), append(features, feature)
			modes, values = append(modes, mode), append(values, value)
			yes, no = append(yes, left), append(no, left+left/max(left, 1))
		}
	}
	return onnxNode("ai.onnx.ml", "TreeEnsembleRegressor", []string{"x"}, "y",
		integers("nodes_treeids", ids), integers("nodes_nodeids", nodeIDs), integers("nodes_featureids", features),
		integers("nodes_truenodeids", yes), integers("nodes_falsenodeids", no), floats("nodes_values", values), texts("nodes_modes", modes),
		integers("target_treeids", targetTrees), integers("target_nodeids", targetNodes), integers("target_ids", targets),
		floats("target_weights", weights), floats("base_values", []float32{constant}), integer("n_targets", 1),
	)
}
