package bundletest

import (
	"encoding/binary"
	"math"
)

// Models as onnx.proto writes them: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has the field numbers.

// onnxModel is x [batch, in] → y [batch, out], both float32.
func onnxModel(in, out int, nodes, weights [][]byte) []byte {
	const irVersion, graph, opsets, domain, version = 1, 7, 8, 1, 2
	const node, graphName, initializer, input, output = 1, 2, 5, 11, 12
	var body []byte
	for _, each := range nodes {
		body = append(body, message(node, each)...)
	}
	for _, each := range weights {
		body = append(body, message(initializer, each)...)
	}
	body = append(body, message(graphName, []byte("made"))...)
	body = append(body, message(input, valueInfo("x", in))...)
	body = append(body, message(output, valueInfo("y", out))...)
	model := append(number(irVersion, 10), message(graph, body)...)
	model = append(model, message(opsets, number(version, 20))...)
	return append(model, message(opsets, append(message(domain, []byte("ai.onnx.ml")), number(version, 3)...))...)
}

func onnxNode(domain, op string, inputs []string, result string, attributes ...[]byte) []byte {
	const input, output, opType, attribute, opDomain = 1, 2, 4, 5, 7
	var body []byte
	for _, name := range inputs {
		body = append(body, message(input, []byte(name))...)
	}
	body = append(body, message(output, []byte(result))...)
	body = append(body, message(opType, []byte(op))...)
	for _, each := range attributes {
		body = append(body, message(attribute, each)...)
	}
	return append(body, message(opDomain, []byte(domain))...)
}

// onnxMatrix is an initializer of float32, every value the same.
func onnxMatrix(name string, rows, columns int, value float32) []byte {
	const dims, dataType, float, tensorName, raw = 1, 2, 1, 8, 9
	content := make([]byte, 0, 4*rows*columns)
	for range rows * columns {
		content = binary.LittleEndian.AppendUint32(content, math.Float32bits(value))
	}
	body := append(number(dims, rows), number(dims, columns)...)
	body = append(body, number(dataType, float)...)
	return append(append(body, message(tensorName, []byte(name))...), message(raw, content)...)
}

func valueInfo(name string, width int) []byte {
	const valueName, valueType, tensorType, element, shape, axis, length, axisName = 1, 2, 1, 1, 2, 1, 1, 2
	axes := message(axis, message(axisName, []byte("batch")))
	axes = append(axes, message(axis, number(length, width))...)
	tensor := append(number(element, 1), message(shape, axes)...)
	return append(message(valueName, []byte(name)), message(valueType, message(tensorType, tensor))...)
}

// attributeOf is one attribute of a node; kind is its AttributeType.
func attributeOf(name string, kind int, content []byte) []byte {
	const attributeName, attributeType = 1, 20
	return append(append(message(attributeName, []byte(name)), content...), number(attributeType, kind)...)
}

func integer(name string, value int) []byte {
	const i, kind = 3, 2
	return attributeOf(name, kind, number(i, value))
}

func integers(name string, values []int) []byte {
	const ints, kind = 8, 7
	var content []byte
	for _, value := range values {
		content = append(content, number(ints, value)...)
	}
	return attributeOf(name, kind, content)
}

func floats(name string, values []float32) []byte {
	const floats, kind, wireI32 = 7, 6, 5
	var content []byte
	for _, value := range values {
		content = binary.LittleEndian.AppendUint32(append(content, floats<<3|wireI32), math.Float32bits(value))
	}
	return attributeOf(name, kind, content)
}

func texts(name string, values []string) []byte {
	const strings, kind = 9, 8
	var content []byte
	for _, value := range values {
		content = append(content, message(strings, []byte(value))...)
	}
	return attributeOf(name, kind, content)
}

// number and message are protobuf's varint and length-delimited fields.
func number(field, value int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3), uint64(value))
}

func message(field int, content []byte) []byte {
	header := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3|2), uint64(len(content)))
	return append(header, content...)
}
