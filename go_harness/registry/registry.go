// Package registry serves the models of a folder NAME/vX.Y/ in which `latest` names the version to serve, and moves to another
// version while predictions run.
//
// A version is loaded in this order: `latest` is read once; metadata.json is checked against its schema and every file against
// its hash; it must ask of its callers what the one before asked; the session is made; it must reproduce the golden vectors;
// every slot is warmed up. Then one pointer is exchanged, and the old version is unloaded when its last prediction is over.
// A version that fails any of this is refused, counted and reported, and the one that serves goes on.
package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/fsnotify/fsnotify"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/memory"
)

// Registry is an open registry. Any number of goroutines may use it. It comes from Open.
type Registry struct {
	rt      *dwcpc.Runtime
	dir     string
	options options
	watcher *watcher // nil without Watch
	reclaim *reclaimer
	loader  loader
	close   func() error

	telling sync.Mutex // held while observers are told

	mu       sync.Mutex // guards what follows
	closed   bool
	handles  map[key]*opening
	live     map[content]*Version
	problems []error // of retired versions
	retiring sync.WaitGroup
}

// Open opens the registry in dir, which `dwcpc publish` writes. It loads nothing yet: Load, GetLatest and Get do.
func Open(rt *dwcpc.Runtime, dir string, opts ...Option) (*Registry, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("registry: %s: %w", dir, err)
	}
	if err := checkRegistry(absolute); err != nil {
		return nil, err
	}
	r := &Registry{rt: rt, dir: absolute, options: o, handles: map[key]*opening{}, live: map[content]*Version{}}
	r.reclaim = newReclaimer(memory.Trim)
	r.loader = newLoader()
	r.close = sync.OnceValue(r.shut)
	if o.watch {
		r.watcher = startWatcher(r, fsnotify.NewWatcher)
	}
	return r, nil
}

// checkRegistry refuses what would otherwise look like a registry without models.
func checkRegistry(dir string) error {
	refuse := func(found string, err error) error {
		return &bundle.Error{Path: dir, Found: found, Expected: "a registry, which holds NAME/vX.Y", Remedy: "check the path", Err: err}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return refuse("not a folder", err)
	}
	if _, err := os.Stat(filepath.Join(dir, bundle.MetadataFile)); err == nil {
		return refuse("a bundle's own folder", nil)
	}
	versions, err := bundle.Versions(dir)
	if err != nil {
		return err
	}
	if len(versions) > 0 {
		return refuse("a model's own folder", nil)
	}
	return nil
}

// GetLatest returns the handle that serves the version which `latest` names in the model's folder. The first call loads it;
// those that come meanwhile wait for the same load, and later ones get the same handle. Failure is a *LoadError, and the next
// call tries again.
func (r *Registry) GetLatest(name string) (*Model, error) {
	return r.handle(key{name: name})
}

// Get returns the handle that serves one version for ever, such as "1.0". The first call loads it, unless it is loaded already.
// Failure is a *LoadError, and the next call tries again.
func (r *Registry) Get(name, version string) (*Model, error) {
	parsed, ok := bundle.ParseVersion(version)
	if !ok {
		return nil, &LoadError{Model: name, Err: fmt.Errorf("version is %.40q, expected two whole numbers such as 1.0: %w", version, ErrUnknown)}
	}
	return r.handle(key{name: name, fixed: true, version: parsed})
}

// Load makes the handles of the named models, or without names of every model in the registry, so that no GetLatest has to
// wait. It tries all of them, and returns the reasons of those that failed.
func (r *Registry) Load(names ...string) error {
	if len(names) == 0 {
		var err error
		if names, err = r.Names(); err != nil {
			return err
		}
	}
	var failed []error
	for _, name := range names {
		_, err := r.GetLatest(name)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// Reload has the model's handle serve what `latest` names now, as Model.Reload does; a model that is not loaded is loaded.
func (r *Registry) Reload(name string) error {
	m, err := r.GetLatest(name)
	if err != nil {
		return err
	}
	return m.Reload()
}

// Close unloads every model: later predictions fail with ErrClosed, and Close waits for those that run or queue, and for the
// Release of each version that was acquired. Closing again returns the same.
func (r *Registry) Close() error {
	return r.close()
}

func (r *Registry) shut() error {
	r.mu.Lock()
	r.closed = true
	var openings []*opening
	for _, o := range r.handles {
		openings = append(openings, o)
	}
	r.mu.Unlock()
	if r.watcher != nil {
		r.watcher.stop()
	}
	for _, o := range openings {
		<-o.ready
		if o.model != nil {
			o.model.Unload()
		}
	}
	r.loader.stop()
	r.reclaim.stop()
	r.retiring.Wait()
	r.reclaim.now()
	return errors.Join(r.problems...)
}
