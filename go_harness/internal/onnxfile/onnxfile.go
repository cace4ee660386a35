// Package onnxfile reads the few facts of an ONNX file that must be known before a runtime loads it: its inputs and
// outputs. The runtime could tell, but its Go binding builds a second session to ask, with threads and memory of its own.
// Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
package onnxfile

import (
	"errors"
	"fmt"
)

// Free is the length of an axis without a fixed one: named, or not stated.
const Free = -1

// BatchAxis returns the length of the first axes of a model that takes batch rows a call, or any number where that is 0.
func BatchAxis(batch int) int64 {
	if batch == 0 {
		return Free
	}
	return int64(batch)
}

// Element types of onnx.proto's TensorProto.DataType.
const (
	Float32 = 1
	Int64   = 7
)

// Value is one input or output. Type is 0 for what is no tensor; HasShape is false where the file states none.
type Value struct {
	Name     string
	Type     int
	HasShape bool
	Shape    []int64
}

// Signature is what a caller of the model has to know; inputs that have an initializer are none.
type Signature struct {
	Inputs  []Value
	Outputs []Value
}

// Read returns the signature of the model in data. A model that keeps weights in other files is an error: it is not the
// whole model, and those files are hashed by nobody.
func Read(data []byte) (Signature, error) {
	var graphs [][]byte
	err := fields(data, func(f field) error {
		const graph = 7
		if f.id == graph && f.wire == wireBytes {
			graphs = append(graphs, f.bytes)
		}
		return nil
	})
	if err != nil {
		return Signature{}, err
	}
	if len(graphs) != 1 {
		return Signature{}, fmt.Errorf("onnxfile: the file holds %d graphs, expected one", len(graphs))
	}
	return readGraph(graphs[0])
}

func readGraph(graph []byte) (Signature, error) {
	const node, initializer, input, output = 1, 5, 11, 12
	var signature Signature
	constants := map[string]bool{}
	err := fields(graph, func(f field) error {
		if f.wire != wireBytes {
			return nil
		}
		switch f.id {
		case node:
			return wholeNode(f.bytes, 0)
		case initializer:
			name, err := readInitializer(f.bytes)
			constants[name] = true
			return err
		case input, output:
			value, err := readValue(f.bytes)
			if f.id == input {
				signature.Inputs = append(signature.Inputs, value)
			} else {
				signature.Outputs = append(signature.Outputs, value)
			}
			return err
		}
		return nil
	})
	if err != nil {
		return Signature{}, err
	}
	// Before IR version 4, initializers had to be listed as inputs too.
	var inputs []Value
	for _, value := range signature.Inputs {
		if !constants[value.Name] {
			inputs = append(inputs, value)
		}
	}
	signature.Inputs = inputs
	return signature, nil
}

func readInitializer(tensor []byte) (string, error) {
	const name, location, external = 8, 14, 1
	var found string
	var elsewhere bool
	err := fields(tensor, func(f field) error {
		switch {
		case f.id == name && f.wire == wireBytes:
			found = string(f.bytes)
		case f.id == location && f.wire == wireVarint:
			elsewhere = f.number == external
		}
		return nil
	})
	if err == nil && elsewhere {
		err = fmt.Errorf("onnxfile: weight %q lies in another file, expected it inside the model; save without external data", found)
	}
	return found, err
}

func readValue(info []byte) (Value, error) {
	const name, valueType, tensorType = 1, 2, 1
	var value Value
	err := fields(info, func(f field) error {
		if f.wire != wireBytes {
			return nil
		}
		switch f.id {
		case name:
			value.Name = string(f.bytes)
		case valueType:
			return fields(f.bytes, func(f field) error {
				if f.id == tensorType && f.wire == wireBytes {
					return value.readTensor(f.bytes)
				}
				return nil
			})
		}
		return nil
	})
	return value, err
}

func (v *Value) readTensor(tensor []byte) error {
	const element, shape, axis = 1, 2, 1
	return fields(tensor, func(f field) error {
		switch {
		case f.id == element && f.wire == wireVarint:
			v.Type = int(f.number)
		case f.id == shape && f.wire == wireBytes:
			v.HasShape = true
			return fields(f.bytes, func(f field) error {
				if f.id != axis || f.wire != wireBytes {
					return nil
				}
				length, err := readAxis(f.bytes)
				v.Shape = append(v.Shape, length)
				return err
			})
		}
		return nil
	})
}

func readAxis(dimension []byte) (int64, error) {
	const fixed = 1
	length := int64(Free)
	err := fields(dimension, func(f field) error {
		if f.id == fixed && f.wire == wireVarint {
			length = int64(f.number)
			if length < 0 {
				return errors.New("onnxfile: an axis has a negative length")
			}
		}
		return nil
	})
	return length, err
}
