package predictor

import (
	"os"
	"path/filepath"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// versionFolder returns the bundle's folder for path: path itself, or in a model's folder the version that `latest` names.
func versionFolder(path string) (string, error) {
	if _, err := os.Stat(filepath.Join(path, bundle.MetadataFile)); err == nil {
		return path, nil
	}
	if _, err := os.Lstat(filepath.Join(path, bundle.LatestFile)); err != nil {
		return path, nil // no model's folder either: what is wrong with path is the bundle reader's to say
	}
	version, err := bundle.Latest(path)
	if err != nil {
		return "", err
	}
	return filepath.Join(path, version.Folder()), nil
}
