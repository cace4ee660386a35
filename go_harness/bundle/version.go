package bundle

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
)

// Version is two whole numbers, ordered as such: 1.10 comes after 1.9.
type Version struct {
	Major int
	Minor int
}

// Names and versions, as compiler/versions.py writes them.
var (
	modelName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	versionText = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$`)
)

// IsName reports whether name can be a model's, and so its folder's.
func IsName(name string) bool {
	return modelName.MatchString(name)
}

// ParseVersion parses "1.0", as metadata.json states it.
func ParseVersion(text string) (Version, bool) {
	found := versionText.FindStringSubmatch(text)
	if found == nil {
		return Version{}, false
	}
	major, errMajor := strconv.Atoi(found[1])
	minor, errMinor := strconv.Atoi(found[2])
	return Version{Major: major, Minor: minor}, errMajor == nil && errMinor == nil
}

// ParseVersionFolder parses "v1.0", the name of a version's folder.
func ParseVersionFolder(name string) (Version, bool) {
	if len(name) == 0 || name[0] != 'v' {
		return Version{}, false
	}
	return ParseVersion(name[1:])
}

// IsVersionFolder reports whether a folder's name says that it holds a version.
func IsVersionFolder(name string) bool {
	_, ok := ParseVersionFolder(name)
	return ok
}

// String returns "1.0".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// Folder returns "v1.0".
func (v Version) Folder() string {
	return "v" + v.String()
}

// Compare orders versions by their numbers, for package slices.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor))
}

// Versions returns the versions that have a folder in a model's, in order. Whether they are whole is for Open to say.
func Versions(modelFolder string) ([]Version, error) {
	entries, err := os.ReadDir(modelFolder)
	if err != nil {
		return nil, &Error{Path: modelFolder, Found: "not a folder that can be read", Expected: "a model's folder", Remedy: "check the path", Err: err}
	}
	var versions []Version
	for _, entry := range entries {
		// A version may be a link to a folder, so what the entry itself is does not matter.
		if version, ok := ParseVersionFolder(entry.Name()); ok {
			versions = append(versions, version)
		}
	}
	slices.SortFunc(versions, Version.Compare)
	return versions, nil
}
