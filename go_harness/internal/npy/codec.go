package npy

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Decode reads one array from the whole of data; the type that the file holds must be T.
func Decode[T Element](data []byte) (Array[T], error) {
	var none Array[T]
	h, body, err := splitHeader(data)
	if err != nil {
		return none, err
	}
	if want := descr[T](); h.descr != want {
		return none, fmt.Errorf("npy: dtype is %q, expected %q; convert it with astype before saving", h.descr, want)
	}
	if h.fortran && len(h.shape) > 1 {
		return none, fmt.Errorf("npy: the array is in Fortran order, expected C order; save numpy.ascontiguousarray of it")
	}
	n, err := h.elements()
	if err != nil {
		return none, err
	}
	size := itemBytes[T]()
	if len(body)%size != 0 || n != len(body)/size {
		return none, fmt.Errorf("npy: shape %v needs %d values of %d bytes, the file has %d bytes after its header", h.shape, n, size, len(body))
	}
	return Array[T]{Shape: h.shape, Data: values[T](body, n)}, nil
}

// Encode writes array as version 1.0, byte for byte as numpy.save does.
func Encode[T Element](array Array[T]) ([]byte, error) {
	if len(array.Shape) > maxAxes {
		return nil, fmt.Errorf("npy: shape has %d axes, at most %d are written", len(array.Shape), maxAxes)
	}
	for _, axis := range array.Shape {
		if axis < 0 {
			return nil, fmt.Errorf("npy: shape %v has a negative axis", array.Shape)
		}
	}
	n, err := product(array.Shape)
	if err != nil {
		return nil, err
	}
	if n != len(array.Data) {
		return nil, fmt.Errorf("npy: shape %v needs %d values, got %d", array.Shape, n, len(array.Data))
	}
	const headerRoom = 128
	dst := make([]byte, 0, headerRoom+n*itemBytes[T]())
	return appendValues(appendHeader(dst, descr[T](), array.Shape), array.Data), nil
}

func descr[T Element]() string {
	switch any(*new(T)).(type) {
	case float32:
		return "<f4"
	case float64:
		return "<f8"
	default:
		return "<i8"
	}
}

func itemBytes[T Element]() int {
	if _, ok := any(*new(T)).(float32); ok {
		return 4
	}
	return 8
}

func values[T Element](body []byte, n int) []T {
	data := make([]T, n)
	switch out := any(data).(type) {
	case []float32:
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
	case []float64:
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:]))
		}
	case []int64:
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(body[8*i:]))
		}
	}
	return data
}

func appendValues[T Element](dst []byte, data []T) []byte {
	switch in := any(data).(type) {
	case []float32:
		for _, v := range in {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
	case []float64:
		for _, v := range in {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
	case []int64:
		for _, v := range in {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	}
	return dst
}
