// Package engine runs ONNX models. It is the only package that knows a runtime binding: everything else sees Runtime,
// Session and Slot.
//
// A Runtime and a Session may be used by any number of goroutines. A Slot belongs to one goroutine at a time. Whatever was
// opened is closed in reverse order; closing something that is still in use is refused with ErrInUse.
package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// environment is the process's one runtime. The binding keeps it in unguarded globals, so its guard is one too.
var environment struct {
	sync.Mutex
	users    int // open Runtimes
	sessions int
	library  Library
	foreign  bool // another package of this process initialised it, and will end it
}

// Library is the shared library that serves. Path is empty when another package of the process loaded it.
type Library struct {
	Path    string
	Version string
}

// Runtime is one user's hold on the process's runtime.
type Runtime struct {
	library Library

	mu     sync.RWMutex
	closed bool
}

// Open loads the runtime library, or joins the users of the one that is loaded. An empty path starts the lookup:
// DWCPC_ORT_LIB, ONNXRUNTIME_SHARED_LIBRARY_PATH, beside the executable, the system loader. Failure is a *LibraryError.
func Open(path string) (*Runtime, error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.users == 0 {
		if err := initialise(path); err != nil {
			return nil, err
		}
	}
	if err := sameLibrary(path); err != nil {
		return nil, err
	}
	environment.users++
	return &Runtime{library: environment.library}, nil
}

// initialise fills environment; the caller holds its lock.
func initialise(option string) error {
	if ort.IsInitialized() {
		environment.foreign = true
		environment.library = Library{Version: ort.GetVersion()}
		return nil
	}
	executable, err := os.Executable()
	if err != nil {
		executable = "" // its folder is one place less to look
	}
	failed := &LibraryError{NeededAPI: neededAPI}
	for _, c := range (place{getenv: os.Getenv, executable: executable}).candidates(option) {
		version, err := probe(c.path)
		if err == nil {
			err = load(c.path)
		}
		if err == nil {
			environment.foreign = false
			environment.library = Library{Path: c.path, Version: ort.GetVersion()}
			return nil
		}
		if version != "" {
			failed.Version = version
		}
		failed.Attempts = append(failed.Attempts, Attempt{Path: c.path, From: c.from, Reason: loaderReason(c.path, err)})
	}
	return failed
}

func load(path string) error {
	ort.SetSharedLibraryPath(path)
	return ort.InitializeEnvironment()
}

// sameLibrary refuses a path other than the loaded one: a process has one runtime.
func sameLibrary(path string) error {
	loaded := environment.library
	if path == "" || path == loaded.Path {
		return nil
	}
	reason := fmt.Sprintf("this process already runs onnxruntime %s from %q", loaded.Version, loaded.Path)
	if environment.foreign {
		// Nobody knows the path of what another package loaded, but a file of another version is not it.
		if version, err := probe(path); err == nil && (version == "" || version == loaded.Version) {
			return nil
		}
		reason = fmt.Sprintf("another package of this process already runs onnxruntime %s", loaded.Version)
	} else if asked, err := os.Stat(path); err == nil {
		if have, err := os.Stat(loaded.Path); err == nil && os.SameFile(asked, have) {
			return nil
		}
	}
	return &LibraryError{Attempts: []Attempt{{path, "the library option", reason}}, NeededAPI: neededAPI}
}

// loaderReason is what the loader itself said, without the binding's words before it.
func loaderReason(path string, err error) string {
	text := oneLine(err)
	if _, reason, ok := strings.Cut(text, `"`+path+`": `); ok {
		return reason
	}
	return text
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// Library returns what was loaded.
func (r *Runtime) Library() Library {
	return r.library
}

// Close gives up the hold. The last one ends the runtime, unless another package began it.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	environment.Lock()
	defer environment.Unlock()
	if environment.users == 1 && environment.sessions > 0 {
		return fmt.Errorf("engine: runtime has %d open sessions: %w", environment.sessions, ErrInUse)
	}
	environment.users--
	r.closed = true
	if environment.users > 0 || environment.foreign {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return errors.New("engine: " + oneLine(err))
	}
	return nil
}
