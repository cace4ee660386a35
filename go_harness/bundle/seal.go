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

// checkSeal refuses a metadata.json of which a bit changed after it was written. The schema has seen to it that tree has the key.
func checkSeal(path string, text []byte, tree any) error {
	at := max(bytes.LastIndex(text, beforeChecksum), 0)
	expected := digest(text[:at])
	if string(text[at:]) == string(beforeChecksum)+expected+afterChecksum {
		return nil
	}
	object, _ := tree.(map[string]any)
	return &Error{
		Path: path, Field: checksumKey, Found: strictjson.Shown(object[checksumKey]), Expected: strconv.Quote(expected) + " at the end of the file",
		Remedy: "compile or publish the bundle again", Err: ErrIntegrity,
	}
}
