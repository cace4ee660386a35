package bundle

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Every field of the good metadata is read: written again, it is the same JSON.
func TestStructsHoldTheWholeContract(t *testing.T) {
	for _, dir := range []string{goodDir, classifierDir, oneRowDir} {
		text, err := os.ReadFile(filepath.Join(dir, MetadataFile))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := parseMetadata(MetadataFile, text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(again, &got)); err != nil {
			t.Fatal(err)
		}
		delete(want, checksumKey) // it is the text's
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func FuzzMetadataNeverPanics(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(goodDir, MetadataFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema": "dwcpc.bundle/1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseMetadata(MetadataFile, data); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	})
}
