package registry

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxDebounces bounds the wait for quiet, in debounces.
const maxDebounces = 10

// watcher has every handle follow `latest`. It watches the folders that hold `latest` and the models' folders, never `latest`
// itself: that is replaced by a rename, after which a watch would be one on a file that nobody names any more.
type watcher struct {
	registry *Registry
	folders  *fsnotify.Watcher // nil where the system gives none: polling alone has to do
	cancel   context.CancelFunc
	done     chan struct{}

	// What the goroutine knows:
	changed bool      // something was seen that was not looked at yet
	first   time.Time // when
}

func startWatcher(r *Registry, watch func() (*fsnotify.Watcher, error)) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{registry: r, cancel: cancel, done: make(chan struct{})}
	folders, err := watch()
	if err != nil {
		r.options.logger.Warn("registry is polled only: no watch to be had", "folder", r.dir, "error", err)
	} else {
		w.folders = folders
	}
	w.watchFolders()
	go w.run(ctx)
	return w
}

func (w *watcher) stop() {
	w.cancel()
	<-w.done
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	poll := time.NewTicker(w.registry.options.interval)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var events <-chan fsnotify.Event
	var problems <-chan error
	if w.folders != nil {
		events, problems = w.folders.Events, w.folders.Errors
		defer func() { _ = w.folders.Close() }() // it never fails
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			quiet.Reset(w.wait(time.Now()))
		case <-problems: // the queue ran over: something changed, nobody knows what
			quiet.Reset(w.wait(time.Now()))
		case <-quiet.C:
			w.look()
		case <-poll.C:
			w.look()
		}
	}
}

// wait returns how long to wait for further changes after one seen now.
func (w *watcher) wait(now time.Time) time.Duration {
	if !w.changed {
		w.changed, w.first = true, now
	}
	debounce := w.registry.options.debounce
	return min(debounce, w.first.Add(maxDebounces*debounce).Sub(now))
}

// look has every handle follow. To look at one is to read `latest` and metadata.json, so all are looked at, whatever changed.
func (w *watcher) look() {
	w.changed = false
	w.watchFolders()
	for _, model := range w.registry.followers() {
		_ = model.follow(false) // reported where it failed
	}
}

// watchFolders watches the folders that there are now: those that were replaced since have to be watched again.
func (w *watcher) watchFolders() {
	w.watchFolder(w.registry.dir)
	for _, model := range w.registry.followers() {
		w.watchFolder(filepath.Join(w.registry.dir, model.Name()))
	}
}

func (w *watcher) watchFolder(folder string) {
	if w.folders != nil {
		_ = w.folders.Add(folder) // one that is not there, or cannot be watched, is polled
	}
}
