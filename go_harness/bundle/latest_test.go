package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSaysThatLatestIsMissing(t *testing.T) {
	dir := t.TempDir()
	_, err := Latest(dir)
	var typed *Error
	if !errors.As(err, &typed) || !errors.Is(err, fs.ErrNotExist) || typed.Path != filepath.Join(dir, LatestFile) {
		t.Errorf("got %v", err)
	}
	if want := "latest is missing, expected a link or a small file that names a version; point it at one"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %q", err)
	}
}

func TestSaysThatLatestCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Latest(dir); err == nil || !strings.Contains(err.Error(), "unreadable") {
		t.Errorf("got %v", err)
	}
}

// A link is read, not followed: the version need not be there, and where the link leads is of no concern.
func TestReadsTheVersionThatALinkNames(t *testing.T) {
	for _, target := range []string{"v1.10", "./v1.10", "/elsewhere/v1.10"} {
		dir := t.TempDir()
		if err := os.Symlink(target, filepath.Join(dir, LatestFile)); err != nil {
			t.Fatal(err)
		}
		if got, err := Latest(dir); got != (Version{1, 10}) || err != nil {
			t.Errorf("%s: got %v, %v", target, got, err)
		}
	}
}
