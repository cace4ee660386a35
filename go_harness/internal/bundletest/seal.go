package bundletest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

const checksumKey = "checksum"

// sealed returns a metadata.json's text with the checksum of what it now says, as compiler/seal.py writes it.
func sealed(tree any) ([]byte, error) {
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("metadata that is a %T", tree)
	}
	delete(object, checksumKey)
	text, err := json.MarshalIndent(object, "", " ")
	if err != nil {
		return nil, err
	}
	return withChecksum(bytes.TrimSuffix(text, []byte("\n}"))), nil
}

// resealed returns a sealed metadata.json's text, in which something before the seal was changed, with the checksum computed anew.
func resealed(text []byte) []byte {
	body := text[:bytes.LastIndex(text, []byte(",\n \""+checksumKey+"\": \""))]
	return withChecksum(body)
}

func withChecksum(body []byte) []byte {
	return fmt.Appendf(nil, "%s,\n %q: \"%x\"\n}\n", body, checksumKey, sha256.Sum256(body))
}
