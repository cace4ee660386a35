package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LatestFile is the link or one-line text file in a model's folder that names the version to serve.
const LatestFile = "latest"

// maxLatestBytes is far above what a version's name needs.
const maxLatestBytes = 4096

// Latest returns the version that `latest` names in a model's folder, whether or not that version is there. Whatever is
// wrong with `latest` is an *Error, a missing one wraps fs.ErrNotExist.
func Latest(modelFolder string) (Version, error) {
	latest := filepath.Join(modelFolder, LatestFile)
	name, err := namedBy(latest)
	if err != nil {
		return Version{}, &Error{Path: latest, Found: err.Error(), Expected: "a link or a small file that names a version", Remedy: "point it at one", Err: err}
	}
	version, ok := ParseVersionFolder(name)
	if !ok {
		return Version{}, &Error{
			Path: latest, Found: fmt.Sprintf("naming %.80q", name), Expected: "a version's folder such as v1.0", Remedy: "point it at one",
		}
	}
	return version, nil
}

// namedBy returns the name that a link or a one-line text file holds.
func namedBy(latest string) (string, error) {
	info, err := os.Lstat(latest)
	if errors.Is(err, fs.ErrNotExist) {
		return "", missing{err}
	}
	if err != nil {
		return "", fmt.Errorf("unreadable (%w)", err)
	}
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

// missing says so without the path, which the sentence around it names.
type missing struct{ cause error }

func (m missing) Error() string { return "missing" }
func (m missing) Unwrap() error { return m.cause }
