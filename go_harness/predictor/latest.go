package predictor

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

const (
	latestFile = "latest"
	// maxLatestBytes is far above what a version's name needs.
	maxLatestBytes = 4096
)

// versionFolder returns the bundle's folder for path: path itself, or in a model's folder the version that `latest` names.
func versionFolder(path string) (string, error) {
	if _, err := os.Stat(filepath.Join(path, bundle.MetadataFile)); err == nil {
		return path, nil
	}
	latest := filepath.Join(path, latestFile)
	info, err := os.Lstat(latest)
	if err != nil {
		return path, nil // no model's folder either: what is wrong with path is the bundle reader's to say
	}
	name, err := namedBy(latest, info)
	if err != nil {
		return "", &bundle.Error{Path: latest, Found: err.Error(), Expected: "a link or a small file that names a version", Remedy: "point it at one", Err: err}
	}
	if !bundle.IsVersionFolder(name) {
		return "", &bundle.Error{
			Path: latest, Found: fmt.Sprintf("naming %.80q", name), Expected: "a version's folder such as v1.0", Remedy: "point it at one",
		}
	}
	return filepath.Join(path, name), nil
}

// namedBy returns the name that a link or a one-line text file holds.
func namedBy(latest string, info fs.FileInfo) (string, error) {
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(latest)
		if err != nil {
			return "", fmt.Errorf("unreadable (%w)", err)
		}
		return filepath.Base(target), nil
	}
	if !info.Mode().IsRegular() || info.Size() > maxLatestBytes {
		return "", fmt.Errorf("of mode %s and %d bytes long", info.Mode(), info.Size())
	}
	text, err := os.ReadFile(latest)
	if err != nil {
		return "", fmt.Errorf("unreadable (%w)", err)
	}
	return strings.TrimSpace(string(text)), nil
}
