package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// maxHeaderBytes bounds what is parsed; NumPy itself warns above 10,000 characters.
	maxHeaderBytes = 1 << 16
	// maxAxes is NumPy 2's limit.
	maxAxes = 64
)

// header is the file's description of its array.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// elements returns the number of values, or an error when the product does not fit in an int.
func (h header) elements() (int, error) {
	return product(h.shape)
}

func product(shape []int) (int, error) {
	n := 1
	for _, axis := range shape {
		if axis == 0 {
			return 0, nil
		}
	}
	for _, axis := range shape {
		if n > math.MaxInt/axis {
			return 0, fmt.Errorf("npy: shape %v holds more values than memory can", shape)
		}
		n *= axis
	}
	return n, nil
}

// splitHeader parses the preamble and the header; the rest of data is the array's bytes.
func splitHeader(data []byte) (header, []byte, error) {
	var none header
	if len(data) < len(magic)+2 || string(data[:len(magic)]) != magic {
		return none, nil, fmt.Errorf("npy: the first bytes are not those of an .npy file; save it with numpy.save")
	}
	major, minor := data[len(magic)], data[len(magic)+1]
	rest := data[len(magic)+2:]
	var size int
	switch {
	case major == 1 && minor == 0 && len(rest) >= 2:
		size, rest = int(binary.LittleEndian.Uint16(rest)), rest[2:]
	case major == 2 && minor == 0 && len(rest) >= 4:
		wide := binary.LittleEndian.Uint32(rest)
		if wide > maxHeaderBytes {
			return none, nil, fmt.Errorf("npy: the header claims %d bytes, at most %d are read", wide, maxHeaderBytes)
		}
		size, rest = int(wide), rest[4:]
	case major == 1 && minor == 0, major == 2 && minor == 0:
		return none, nil, fmt.Errorf("npy: the file ends inside its header length")
	default:
		return none, nil, fmt.Errorf("npy: format version is %d.%d, expected 1.0 or 2.0", major, minor)
	}
	if len(rest) < size {
		return none, nil, fmt.Errorf("npy: the file ends inside its header: %d of %d bytes", len(rest), size)
	}
	parsed, err := parseHeader(string(rest[:size]))
	if err != nil {
		return none, nil, err
	}
	return parsed, rest[size:], nil
}

// parseHeader reads the Python dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func parseHeader(text string) (header, error) {
	var none, h header
	p := &literal{text: strings.TrimRight(text, " \n")}
	seen := map[string]bool{}
	if !p.take("{") {
		return none, p.unexpected("'{'")
	}
	for !p.take("}") {
		key, err := p.quoted()
		if err != nil {
			return none, err
		}
		if seen[key] {
			return none, fmt.Errorf("npy: header names %q twice", key)
		}
		seen[key] = true
		if !p.take(":") {
			return none, p.unexpected("':'")
		}
		switch key {
		case "descr":
			h.descr, err = p.quoted()
		case "fortran_order":
			h.fortran, err = p.boolean()
		case "shape":
			h.shape, err = p.shape()
		default:
			err = fmt.Errorf("npy: header names %q, expected descr, fortran_order and shape", key)
		}
		if err != nil {
			return none, err
		}
		if !p.take(",") && !p.at("}") {
			return none, p.unexpected("',' or '}'")
		}
	}
	if p.text != "" {
		return none, p.unexpected("the header's end")
	}
	if len(seen) != 3 {
		return none, fmt.Errorf("npy: header is %.80q, expected the keys descr, fortran_order and shape", text)
	}
	return h, nil
}

// literal consumes the small part of Python's syntax that headers use.
type literal struct {
	text string
}

func (p *literal) skip() {
	p.text = strings.TrimLeft(p.text, " ")
}

func (p *literal) at(token string) bool {
	p.skip()
	return strings.HasPrefix(p.text, token)
}

func (p *literal) take(token string) bool {
	if !p.at(token) {
		return false
	}
	p.text = p.text[len(token):]
	return true
}

func (p *literal) unexpected(expected string) error {
	return fmt.Errorf("npy: header has %.20q, expected %s", p.text, expected)
}

func (p *literal) quoted() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if !p.take(quote) {
			continue
		}
		end := strings.Index(p.text, quote)
		if end < 0 {
			break
		}
		value := p.text[:end]
		p.text = p.text[end+1:]
		return value, nil
	}
	return "", p.unexpected("a quoted string")
}

func (p *literal) boolean() (bool, error) {
	if p.take("True") {
		return true, nil
	}
	if p.take("False") {
		return false, nil
	}
	return false, p.unexpected("True or False")
}

func (p *literal) shape() ([]int, error) {
	if !p.take("(") {
		return nil, p.unexpected("a tuple")
	}
	shape := []int{}
	for !p.take(")") {
		if len(shape) == maxAxes {
			return nil, fmt.Errorf("npy: shape has more than %d axes", maxAxes)
		}
		digits := len(p.text) - len(strings.TrimLeft(p.text, "0123456789"))
		axis, err := strconv.Atoi(p.text[:digits])
		if err != nil {
			return nil, p.unexpected("the length of an axis")
		}
		p.text = p.text[digits:]
		shape = append(shape, axis)
		if !p.take(",") && !p.at(")") {
			return nil, p.unexpected("',' or ')'")
		}
		p.skip()
	}
	return shape, nil
}

// appendHeader writes the header as NumPy does: padded with spaces so that the data starts at a multiple of 64.
func appendHeader(dst []byte, descr string, shape []int) []byte {
	const align, preamble = 64, len(magic) + 2 + 2
	var text bytes.Buffer
	fmt.Fprintf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr)
	for i, axis := range shape {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(strconv.Itoa(axis))
	}
	if len(shape) == 1 {
		text.WriteByte(',')
	}
	text.WriteString("), }")
	// NumPy leaves room for the first axis to grow in place, up to 21 digits, except in arrays without axes.
	if len(shape) > 0 {
		const growthAxisDigits = 21
		text.WriteString(strings.Repeat(" ", growthAxisDigits-len(strconv.Itoa(shape[0]))))
	}
	padding := align - (preamble+text.Len()+1)%align
	text.WriteString(strings.Repeat(" ", padding%align))
	text.WriteByte('\n')
	dst = append(dst, magic+"\x01\x00"...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(text.Len()))
	return append(dst, text.Bytes()...)
}
