package onnxfile

import "errors"

// maxDepth bounds graphs inside graphs, as protobuf's own readers do with messages.
const maxDepth = 32

// wholeNode looks for weights in other files among a node's attributes: constants, and what Scan, Loop and If hold. The
// runtime would read those of a graph inside the graph from the working directory, even where the model came as bytes.
func wholeNode(node []byte, depth int) error {
	const attribute = 5
	return fields(node, func(f field) error {
		if f.id != attribute || f.wire != wireBytes {
			return nil
		}
		return wholeAttribute(f.bytes, depth)
	})
}

func wholeAttribute(attribute []byte, depth int) error {
	const tensor, graph, tensors, graphs = 5, 6, 10, 11
	return fields(attribute, func(f field) error {
		if f.wire != wireBytes {
			return nil
		}
		switch f.id {
		case tensor, tensors:
			_, err := readInitializer(f.bytes)
			return err
		case graph, graphs:
			return wholeGraph(f.bytes, depth+1)
		}
		return nil
	})
}

func wholeGraph(graph []byte, depth int) error {
	const node, initializer = 1, 5
	if depth > maxDepth {
		return errors.New("onnxfile: graphs lie inside each other more than 32 deep")
	}
	return fields(graph, func(f field) error {
		if f.wire != wireBytes {
			return nil
		}
		switch f.id {
		case node:
			return wholeNode(f.bytes, depth)
		case initializer:
			_, err := readInitializer(f.bytes)
			return err
		}
		return nil
	})
}
