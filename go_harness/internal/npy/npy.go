// Package npy reads and writes NumPy's .npy files: versions 1.0 and 2.0, little-endian float32, float64 and int64, in C
// order. The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
// Files are data from outside: every malformed one is an error, and nothing larger than the file itself is allocated.
package npy

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Element is what an array may hold.
type Element interface {
	float32 | float64 | int64
}

// Array is a dense array, row-major. A shape without axes holds one value.
type Array[T Element] struct {
	Shape []int
	Data  []T
}

// Rows returns the length of the first axis, and 0 for an array without axes.
func (a Array[T]) Rows() int {
	if len(a.Shape) == 0 {
		return 0
	}
	return a.Shape[0]
}

// ErrTooLarge is wrapped by ReadFile's error for a file over its limit.
var ErrTooLarge = errors.New("file is too large")

// ReadFile decodes the regular file at path, which may hold at most maxBytes.
func ReadFile[T Element](path string, maxBytes int64) (Array[T], error) {
	var none Array[T]
	info, err := os.Stat(path)
	if err != nil {
		return none, fmt.Errorf("npy: %w", err)
	}
	if !info.Mode().IsRegular() {
		return none, fmt.Errorf("npy: %s is not a regular file; name a .npy file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("npy: %w", err)
	}
	defer func() { _ = file.Close() }() // opened for reading: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return none, fmt.Errorf("npy: %s: %w", path, err)
	}
	if int64(len(data)) > maxBytes {
		return none, fmt.Errorf("npy: %s holds more than %d bytes, split it: %w", path, maxBytes, ErrTooLarge)
	}
	array, err := Decode[T](data)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return array, nil
}

// WriteFile encodes array into path, replacing what is there.
func WriteFile[T Element](path string, array Array[T]) error {
	data, err := Encode(array)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return nil
}
