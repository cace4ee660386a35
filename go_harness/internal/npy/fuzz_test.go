package npy

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// Whatever a file holds: it is refused in one line, or it is an array that writes back as one of the same shape and bits. The
// corpus is in testdata/fuzz, and grows by what make fuzz finds.
func FuzzDecode(f *testing.F) {
	for _, shape := range [][]int{{}, {0}, {3}, {2, 3}, {1, 0, 4}} {
		n := 1
		for _, axis := range shape {
			n *= axis
		}
		floats, errFloats := Encode(Array[float32]{Shape: shape, Data: make([]float32, n)})
		labels, errLabels := Encode(Array[int64]{Shape: shape, Data: make([]int64, n)})
		if errFloats != nil || errLabels != nil {
			f.Fatal(errFloats, errLabels)
		}
		f.Add(floats)
		f.Add(labels)
	}
	f.Add([]byte(magic + "\x01\x00\x3c\x00{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }  \n0123456789abcdef"))
	f.Add([]byte(magic + "\x02\x00\xff\xff\xff\xff{"))
	f.Add([]byte(magic + "\x01\x00\x48\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 9), }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		decodesOrRefuses[float32](t, data, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		decodesOrRefuses[float64](t, data, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		decodesOrRefuses[int64](t, data, func(a, b int64) bool { return a == b })
	})
}

func decodesOrRefuses[T Element](t *testing.T, data []byte, same func(a, b T) bool) {
	t.Helper()
	array, err := Decode[T](data)
	if err != nil {
		if text := err.Error(); strings.Contains(text, "\n") || len(text) > 2000 {
			t.Errorf("got %q", text)
		}
		return
	}
	written, err := Encode(array)
	if err != nil {
		t.Fatalf("%v cannot be written: %v", array.Shape, err)
	}
	again, err := Decode[T](written)
	if err != nil || len(again.Data) != len(array.Data) {
		t.Fatalf("%v cannot be read again: %v", array.Shape, err)
	}
	for i := range array.Data {
		if !same(array.Data[i], again.Data[i]) {
			t.Errorf("value %d is %v, then %v", i, array.Data[i], again.Data[i])
		}
	}
	if first, err := Encode(again); err != nil || !bytes.Equal(first, written) {
		t.Errorf("written twice, it differs (%v)", err)
	}
}
