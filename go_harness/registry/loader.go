package registry

import "runtime"

// loader runs one load at a time, as more would take memory and processors from those that serve, and always on the same
// thread: glibc gives each thread a heap of its own, and a model whose blocks lie in another heap each time leaves holes in all of
// them, which no giving back removes. It comes from newLoader.
type loader struct {
	jobs chan func()
	done chan struct{}
}

func newLoader() loader {
	l := loader{jobs: make(chan func()), done: make(chan struct{})}
	go l.run()
	return l
}

func (l loader) run() {
	defer close(l.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for job := range l.jobs {
		job()
	}
}

// do runs job and waits for it.
func (l loader) do(job func()) {
	finished := make(chan struct{})
	l.jobs <- func() {
		defer close(finished)
		job()
	}
	<-finished
}

// stop ends the loader; nothing may be done after it.
func (l loader) stop() {
	close(l.jobs)
	<-l.done
}
