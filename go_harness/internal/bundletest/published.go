package bundletest

import (
	"os"
	"path/filepath"
	"testing"
)

// Publish places the bundle in the registry as NAME/vX.Y, in one step, as compiler/staging.py does.
func (m Made) Publish(t testing.TB, good, registry string) string {
	t.Helper()
	model := filepath.Join(registry, m.Name)
	staged := filepath.Join(model, ".v"+m.Version+"-0123abcd")
	folder := filepath.Join(model, "v"+m.Version)
	m.Write(t, good, staged)
	if err := os.Rename(staged, folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// PointLatest points `latest` of a model's folder at a version, such as v1.0, in one step.
func PointLatest(t testing.TB, model, version string) {
	t.Helper()
	temporary := filepath.Join(model, ".new-latest")
	if err := os.Symlink(version, temporary); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(model, "latest")); err != nil {
		t.Fatal(err)
	}
}
