// Package bundletest makes bundles for the tests of several packages.
package bundletest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// metadataFile is package bundle's MetadataFile, which that package's own tests could not import from here.
const metadataFile = "metadata.json"

// Edited returns the folder of a copy of the bundle in good, in a folder of its own, with edits applied.
func Edited(t *testing.T, good string, edits ...Edit) string {
	t.Helper()
	dir := Copied(t, good)
	for _, e := range edits {
		if err := e.Apply(dir); err != nil {
			t.Fatalf("%s %s: %v", e.Op, e.File, err)
		}
	}
	return dir
}

// Copied returns the folder of a copy of the bundle in good, in a folder of its own, with old replaced by new in its metadata.
func Copied(t *testing.T, good string, replacements ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v1.0")
	if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, metadataFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !bytes.Contains(text, []byte(replacements[i])) {
			t.Fatalf("%s does not contain %q", metadataFile, replacements[i])
		}
		text = bytes.ReplaceAll(text, []byte(replacements[i]), []byte(replacements[i+1]))
	}
	if err := os.WriteFile(path, resealed(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
