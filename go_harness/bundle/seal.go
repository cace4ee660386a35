package bundle

import (
	"bytes"
	"strconv"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// checksumKey is the last key of a metadata.json: the SHA-256 of all bytes before the comma in front of it. The text ends with it
// exactly as dwcpc writes it.
const (
	checksumKey   = "checksum"
	afterChecksum = "\"\n}\n"
)

var beforeChecksum = []byte(",\n \"" + checksumKey + "\": \"")

// checkSeal refuses a metadata.json without its checksum, or of which a bit changed after it was written. The schema does not ask
// for the key, as a gate's findings hold metadata without its text.
func checkSeal(path string, text []byte, tree any) error {
	expected := "the SHA-256 of the text before it, on a line at the end of the file"
	if at := bytes.LastIndex(text, beforeChecksum); at >= 0 {
		sum := digest(text[:at])
		if string(text[at:]) == string(beforeChecksum)+sum+afterChecksum {
			return nil
		}
		expected = strconv.Quote(sum) + " at the end of the file"
	}
	found := "missing"
	if object, _ := tree.(map[string]any); object[checksumKey] != nil {
		found = strictjson.Shown(object[checksumKey])
	}
	return &Error{
		Path: path, Field: checksumKey, Found: found, Expected: expected, Remedy: "compile or publish the bundle again", Err: ErrIntegrity,
	}
}
