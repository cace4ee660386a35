package engine

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Environment variables that name the runtime library, in order.
var libraryVariables = [...]string{"DWCPC_ORT_LIB", "ONNXRUNTIME_SHARED_LIBRARY_PATH"}

// neededAPI is the C API that the binding was compiled for; onnxruntime 1.N serves the APIs up to N.
const neededAPI = 24

// candidate is one place where the library may be, and who says so.
type candidate struct {
	path string
	from string
}

// place is the surrounding that the lookup depends on.
type place struct {
	getenv     func(string) string
	executable string // its folder is searched; empty if unknown
}

// candidates returns what to try, in order. A library that someone named is the only candidate: to fall back on another one
// would mean to serve with a runtime that nobody chose, and whose parity nobody proved.
func (p place) candidates(option string) []candidate {
	if option != "" {
		return []candidate{{option, "the library option"}}
	}
	for _, name := range libraryVariables {
		if value := p.getenv(name); value != "" {
			return []candidate{{value, name}}
		}
	}
	var found []candidate
	for _, path := range beside(p.executable) {
		found = append(found, candidate{path, "beside the executable"})
	}
	for _, name := range loaderNames() {
		found = append(found, candidate{name, "the system loader"})
	}
	return found
}

// beside returns the libraries in the executable's folder: the plain name first, then the newest version.
func beside(executable string) []string {
	if executable == "" {
		return nil
	}
	pattern := "libonnxruntime.so*"
	if runtime.GOOS == "darwin" {
		pattern = "libonnxruntime*.dylib"
	}
	// The only error is a malformed pattern; brackets in the folder's name find nothing, as a missing library does.
	paths, _ := filepath.Glob(filepath.Join(filepath.Dir(executable), pattern))
	slices.SortFunc(paths, func(a, b string) int {
		va, vb := versionIn(a), versionIn(b)
		return cmp.Or(cmp.Compare(min(len(va), 1), min(len(vb), 1)), slices.Compare(vb, va), strings.Compare(a, b))
	})
	return paths
}

func loaderNames() []string {
	if runtime.GOOS == "darwin" {
		return []string{"libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so.1", "libonnxruntime.so"}
}

// versionIn returns the numbers in a file name such as libonnxruntime.so.1.32.0.
func versionIn(path string) []int {
	var version []int
	for _, part := range strings.Split(filepath.Base(path), ".") {
		if n, err := strconv.Atoi(part); err == nil {
			version = append(version, n)
		}
	}
	return version
}

// probe refuses a file that cannot be loaded, or is too old, without running any of its code: a library that is too old
// prints to stderr, and the binding has forgotten its version by then. Names without a folder are the loader's business.
func probe(path string) (version string, err error) {
	if !strings.ContainsRune(path, filepath.Separator) {
		return "", nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("no such file")
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a file")
	}
	if runtime.GOOS != "linux" {
		return "", nil
	}
	version, err = versionOf(path)
	if err != nil {
		return "", err
	}
	if api, ok := apiOf(version); ok && api < neededAPI {
		return version, fmt.Errorf("it is onnxruntime %s, which serves C API %d", version, api)
	}
	return version, nil
}

// versionOf reads the version of the symbols that an ELF library defines, VERS_1.32.0.
func versionOf(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", errors.New("not a shared library")
	}
	defer func() { _ = file.Close() }() // opened for reading: nothing can be lost
	if want := machines[runtime.GOARCH]; want != 0 && file.Machine != want {
		return "", fmt.Errorf("built for %s, not for %s", file.Machine, runtime.GOARCH)
	}
	versions, err := file.DynamicVersions()
	if err != nil {
		return "", nil // a library without versions is for the loader to judge
	}
	for _, version := range versions {
		if name, ok := strings.CutPrefix(version.Name, "VERS_"); ok {
			return name, nil
		}
	}
	return "", nil
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// apiOf returns the newest C API that a version serves.
func apiOf(version string) (int, bool) {
	parts := strings.Split(version, ".")
	if len(parts) < 2 || parts[0] != "1" {
		return 0, false
	}
	api, err := strconv.Atoi(parts[1])
	return api, err == nil
}
