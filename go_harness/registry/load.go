package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

// target is the version that a handle should serve.
type target struct {
	version string
	folder  string
	digest  string
}

// content names what a loaded version holds.
type content struct {
	name   string
	digest string
}

// folder returns the model's folder, if there is one.
func (r *Registry) folder(name string) (string, error) {
	if !bundle.IsName(name) {
		return "", fmt.Errorf("%.80q is no model's name: %w", name, ErrUnknown)
	}
	folder := filepath.Join(r.dir, name)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s is %w", folder, ErrUnknown)
	}
	return folder, nil
}

// resolve reads which version a handle should serve. All that follows uses this answer: `latest` may move meanwhile.
func (r *Registry) resolve(k key) (target, error) {
	modelFolder, err := r.folder(k.name)
	if err != nil {
		return target{}, err
	}
	version := k.version
	if !k.fixed {
		if version, err = bundle.Latest(modelFolder); err != nil {
			return target{}, err
		}
	}
	t := target{version: version.String(), folder: filepath.Join(modelFolder, version.Folder())}
	if _, err := os.Stat(t.folder); err != nil {
		return t, fmt.Errorf("%s is %w", t.folder, ErrUnknown)
	}
	t.digest, err = bundle.Digest(t.folder)
	return t, err
}

// load returns the version t, of which the caller becomes a user. It must be able to follow serving, which may be nil.
func (r *Registry) load(name string, t target, serving *Version) (v *Version, err error) {
	r.loader.do(func() { v, err = r.loadNow(name, t, serving) })
	return v, err
}

func (r *Registry) loadNow(name string, t target, serving *Version) (*Version, error) {
	if v := r.loaded(content{name, t.digest}); v != nil {
		if err := r.checkContract(serving, v.Bundle()); err != nil {
			v.Release()
			return nil, err
		}
		return v, nil
	}
	begin := time.Now()
	b, err := bundle.Open(t.folder)
	if err != nil {
		return nil, err
	}
	if err := checkPlace(b, name); err != nil {
		return nil, err
	}
	if err := r.checkContract(serving, b); err != nil {
		return nil, err
	}
	p, err := predictor.OpenBundle(r.rt, b, r.options.predictor...)
	if err != nil {
		r.reclaim.soon() // it may have been a session already
		return nil, err
	}
	return r.begin(name, p, time.Since(begin)), nil
}

// loaded returns the version of that content, of which the caller becomes a user, if it is loaded and stays so.
func (r *Registry) loaded(c content) *Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.live[c]; v != nil && v.retain() {
		return v
	}
	return nil
}

// checkPlace refuses a copy of another model's bundle: it would be served as this one.
func checkPlace(b *bundle.Bundle, name string) error {
	if b.Metadata.Name == name {
		return nil
	}
	return &bundle.Error{
		Path: filepath.Join(b.Dir, bundle.MetadataFile), Field: "name", Found: strconv.Quote(b.Metadata.Name),
		Expected: strconv.Quote(name) + ", as its folder", Remedy: "publish it instead of copying it",
	}
}

// begin makes a version of p, and sees to its end.
func (r *Registry) begin(name string, p *predictor.Predictor, took time.Duration) *Version {
	v := &Version{model: name, predictor: p, drained: make(chan struct{})}
	v.users.Store(1)
	v.observers = r.predictionObservers(name, v.Number())
	c := content{name, p.Bundle().Digest}
	r.mu.Lock()
	r.live[c] = v
	r.retiring.Add(1)
	r.mu.Unlock()
	r.happened(Event{Kind: Loaded, Model: name, Version: v.Number(), Took: took})
	go r.retire(c, v)
	return v
}

// retire unloads v when its last user is gone.
func (r *Registry) retire(c content, v *Version) {
	defer r.retiring.Done()
	<-v.drained
	err := v.predictor.Close()
	r.mu.Lock()
	if r.live[c] == v {
		delete(r.live, c)
	}
	if err != nil {
		r.problems = append(r.problems, err)
	}
	r.mu.Unlock()
	r.happened(Event{Kind: Retired, Model: v.model, Version: v.Number(), Err: err})
	r.reclaim.soon()
}
