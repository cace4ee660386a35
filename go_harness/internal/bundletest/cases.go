package bundletest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Case is a way to change a bundle so that it is refused, in a sentence that contains the reason. The files that hold them
// are Python's as well; tests/fixtures/make_bundles.py writes them.
type Case struct {
	Name           string `json:"name"`
	Edits          []Edit `json:"edits"`
	ReasonContains string `json:"reason_contains"`
}

// Listed returns the cases of bad.json and mismatch.json, which fixtures holds.
func Listed(t *testing.T, fixtures, file string) []Case {
	t.Helper()
	var cases []Case
	read(t, filepath.Join(fixtures, file), &cases)
	return cases
}

// Corrupt returns the cases that corrupt.json stands for; tests/fixtures/corrupt_cases.py says how.
func Corrupt(t *testing.T, fixtures string) []Case {
	t.Helper()
	var corrupt struct {
		Damaged    [][]any                    `json:"damaged"`
		WrongTypes map[string]json.RawMessage `json:"wrong_types"`
		Missing    []string                   `json:"missing"`
	}
	read(t, filepath.Join(fixtures, "corrupt.json"), &corrupt)
	var cases []Case
	add := func(reason string, e Edit) {
		name := fmt.Sprint(e.Op, " ", e.File, e.Pointer, " ", e.Bytes+e.Offset+e.Bit)
		cases = append(cases, Case{Name: name, Edits: []Edit{e}, ReasonContains: reason})
	}
	for _, each := range corrupt.Damaged {
		e := Edit{File: each[0].(string), Op: each[1].(string)}
		switch amount := int(each[2].(float64)); e.Op {
		case "truncate":
			e.Bytes = amount
		case "flip":
			e.Offset = amount
		case "flip_bit":
			e.Bit = amount
		}
		add(e.File, e)
	}
	for pointer, value := range corrupt.WrongTypes {
		add(topKey(pointer), Edit{File: metadataFile, Op: "set", Pointer: pointer, Value: value})
	}
	for _, pointer := range corrupt.Missing {
		add(topKey(pointer), Edit{File: metadataFile, Op: "delete", Pointer: pointer})
	}
	return cases
}

func topKey(pointer string) string {
	return strings.Split(pointer, "/")[1]
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
