package registry

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Names returns the models that have a folder with a version in it, in alphabetical order.
func (r *Registry) Names() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if !bundle.IsName(entry.Name()) {
			continue
		}
		if versions, err := bundle.Versions(filepath.Join(r.dir, entry.Name())); err == nil && len(versions) > 0 {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Versions returns the versions in the model's folder, in numeric order, as Get takes them. Whether they can be served is
// for Get to say.
func (r *Registry) Versions(name string) ([]string, error) {
	folder, err := r.folder(name)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	versions, err := bundle.Versions(folder)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(versions))
	for i, version := range versions {
		texts[i] = version.String()
	}
	return texts, nil
}

// Status returns how each handle that follows `latest` is, for a health check. It does not wait for a load.
func (r *Registry) Status() []Status {
	var all []Status
	for _, m := range r.followers() {
		all = append(all, m.Status())
	}
	return all
}
