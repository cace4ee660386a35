package bundle

import (
	"bytes"
	"strconv"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// checksumKey is the last key of a metadata.json as dwcpc writes it: the SHA-256 of all bytes before the comma in front of it.
// Whoever edits the file by hand takes the line out; a file without it is read as it is.
const checksumKey = "checksum"

var beforeChecksum = []byte(",\n \"" + checksumKey + "\": \"")

// checkSeal refuses a metadata.json of which a byte changed after it was written.
func checkSeal(path string, text []byte, tree any) error {
	object, _ := tree.(map[string]any)
	stated, sealed := object[checksumKey]
	if !sealed {
		return nil
	}
	expected := digest(text[:max(bytes.LastIndex(text, beforeChecksum), 0)])
	if stated == expected {
		return nil
	}
	return &Error{
		Path: path, Field: checksumKey, Found: strictjson.Shown(stated), Expected: strconv.Quote(expected) + ", over what stands before it",
		Remedy: "compile or publish the bundle again", Err: ErrIntegrity,
	}
}
