// Package dwcpc is what a Go service imports to serve dwcpc's bundles. Open gives the runtime; package predictor opens a
// bundle in it and predicts.
package dwcpc

import "github.com/novacron/dwcpc/go_harness/internal/engine"

// Causes that a caller may tell apart with errors.Is.
var (
	// ErrClosed: the Runtime was closed before.
	ErrClosed = engine.ErrClosed
	// ErrInUse: a predictor of the Runtime is still open.
	ErrInUse = engine.ErrInUse
)

// LibraryError says that no usable onnxruntime library was found, and where it was looked for.
type LibraryError = engine.LibraryError

// Library is the onnxruntime library that serves. Path is empty when another package of the process loaded it.
type Library = engine.Library

// Runtime is one user's hold on the process's onnxruntime. Any number of goroutines may use it. It comes from Open.
type Runtime struct {
	engine *engine.Runtime
}

// Option changes what Open does.
type Option func(*options)

type options struct {
	library string
}

// WithLibrary names the onnxruntime library and ends the lookup: there is no other one to fall back on.
func WithLibrary(path string) Option {
	return func(o *options) { o.library = path }
}

// Open loads the onnxruntime library, or joins those who use it already: a process has one, and each Open needs its own
// Close. The library is WithLibrary's, or that of DWCPC_ORT_LIB, or of ONNXRUNTIME_SHARED_LIBRARY_PATH, or lies beside the
// executable, or is the system loader's. Where another package of the process runs onnxruntime already, that one is joined, unless
// WithLibrary names one of another version. Failure is a *LibraryError, which lists all that was tried.
func Open(opts ...Option) (*Runtime, error) {
	var o options
	for _, apply := range opts {
		apply(&o)
	}
	r, err := engine.Open(o.library)
	if err != nil {
		return nil, err
	}
	return &Runtime{engine: r}, nil
}

// Library returns what was loaded.
func (r *Runtime) Library() Library {
	return r.engine.Library()
}

// Engine is for this module's own packages: what it returns is internal.
func (r *Runtime) Engine() *engine.Runtime {
	return r.engine
}

// Close gives up the hold; the last one ends the runtime. It is refused with ErrInUse while that would end it under an open
// predictor. Closing twice is harmless.
func (r *Runtime) Close() error {
	return r.engine.Close()
}
