package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Wire types of https://protobuf.dev/programming-guides/encoding/
const (
	wireVarint = 0
	wireI64    = 1
	wireBytes  = 2
	wireI32    = 5
)

var errTruncated = errors.New("onnxfile: the file ends inside a field")

// field is one field of a message: number is set for varints, bytes for length-delimited ones.
type field struct {
	id     uint64
	wire   uint64
	number uint64
	bytes  []byte
}

// fields calls visit for each field of message, in file order, without copying.
func fields(message []byte, visit func(field) error) error {
	for len(message) > 0 {
		tag, rest, err := varint(message)
		if err != nil {
			return err
		}
		f := field{id: tag >> 3, wire: tag & 7}
		switch f.wire {
		case wireVarint:
			f.number, rest, err = varint(rest)
		case wireI64:
			f.bytes, rest, err = take(rest, 8)
		case wireI32:
			f.bytes, rest, err = take(rest, 4)
		case wireBytes:
			var size uint64
			if size, rest, err = varint(rest); err == nil {
				f.bytes, rest, err = take(rest, size)
			}
		default:
			err = fmt.Errorf("onnxfile: field %d has wire type %d, which protobuf does not have", f.id, f.wire)
		}
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		message = rest
	}
	return nil
}

func varint(data []byte) (uint64, []byte, error) {
	value, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, errTruncated
	}
	return value, data[n:], nil
}

func take(data []byte, size uint64) (taken, rest []byte, err error) {
	if size > uint64(len(data)) {
		return nil, nil, errTruncated
	}
	return data[:size], data[size:], nil
}
