package main

import (
	"math"
	"strconv"
)

// number is a value that may be NaN, of which JSON knows none: it is null there. Without this type a null would be read as 0.
type number float32

// UnmarshalJSON reads a number or null.
func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	value, err := strconv.ParseFloat(string(text), 32)
	*n = number(value)
	return err
}

// MarshalJSON writes the shortest text that is read as the same float32, and null for what is not finite.
func (n number) MarshalJSON() ([]byte, error) {
	value := float64(n)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, value, 'g', -1, 32), nil
}

func numbers(values []float32) []number {
	found := make([]number, len(values))
	for i, value := range values {
		found[i] = number(value)
	}
	return found
}
