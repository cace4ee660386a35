// Package bundletest makes bundles for the tests of several packages.
package bundletest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Copied returns the folder of a copy of the bundle in good, in a folder of its own, with old replaced by new in its metadata.
func Copied(t *testing.T, good string, replacements ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v1.0")
	if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, bundle.MetadataFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !bytes.Contains(text, []byte(replacements[i])) {
			t.Fatalf("%s does not contain %q", bundle.MetadataFile, replacements[i])
		}
		text = bytes.ReplaceAll(text, []byte(replacements[i]), []byte(replacements[i+1]))
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
