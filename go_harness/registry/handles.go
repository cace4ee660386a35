package registry

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// key names a handle: fixed on a version, or following `latest`.
type key struct {
	name    string
	fixed   bool
	version bundle.Version
}

// opening is a handle that is being made, until ready is closed, and then one that was, or the reason why not.
type opening struct {
	ready chan struct{}
	model *Model
	err   error
}

func (r *Registry) handle(k key) (*Model, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, ErrClosed
	}
	o, known := r.handles[k]
	if !known {
		o = &opening{ready: make(chan struct{})}
		r.handles[k] = o
	}
	r.mu.Unlock()
	if known {
		<-o.ready
		return o.model, o.err
	}
	defer close(o.ready)
	if r.watcher != nil && !k.fixed {
		r.watcher.watchFolder(filepath.Join(r.dir, k.name)) // before `latest` is read: no change goes unseen in between
	}
	model := &Model{registry: r, key: k, status: Status{Model: k.name}}
	if o.err = model.follow(true); o.err != nil {
		r.mu.Lock()
		delete(r.handles, k)
		r.mu.Unlock()
		return nil, o.err
	}
	o.model = model
	return model, nil
}

// forget has the next caller make a handle of its own.
func (r *Registry) forget(m *Model) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o, ok := r.handles[m.key]; ok && o.model == m {
		delete(r.handles, m.key)
	}
}

// followers returns the handles that follow `latest` and serve, in alphabetical order.
func (r *Registry) followers() []*Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*Model
	for k, o := range r.handles {
		select {
		case <-o.ready:
			if o.model != nil && !k.fixed {
				found = append(found, o.model)
			}
		default:
		}
	}
	slices.SortFunc(found, func(a, b *Model) int { return strings.Compare(a.Name(), b.Name()) })
	return found
}
