package registry

import "time"

// follow serves what should be served now. Unless it was asked for, a version that failed is not tried again at every look.
func (m *Model) follow(asked bool) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	if m.closed.Load() {
		return ErrClosed
	}
	serving := m.current.Load()
	if serving != nil && m.key.fixed {
		return nil
	}
	t, err := m.registry.resolve(m.key)
	if err == nil && serving != nil && serving.Bundle().Digest == t.digest {
		m.succeeded()
		return nil
	}
	state := stateOf(t, err)
	if !asked && m.failure.holds(state, time.Now()) {
		return m.failure.err
	}
	var next *Version
	if err == nil {
		next, err = m.registry.load(m.key.name, t, serving)
	}
	if err != nil {
		return m.failed(t, state, err)
	}
	m.serve(next, serving)
	return nil
}

// serve puts next in the place of old, which may be nil.
func (m *Model) serve(next, old *Version) {
	m.current.Store(next)
	m.succeeded()
	event := Event{Kind: Served, Model: m.key.name, Version: next.Number()}
	m.note(func(s *Status) {
		s.Version, s.Since = next.Number(), time.Now()
		if old != nil {
			s.Swaps++
		}
	})
	if old != nil {
		event.Previous = old.Number()
	}
	if !m.key.fixed {
		m.registry.happened(event)
	}
	if old != nil {
		old.Release()
	}
}

func (m *Model) succeeded() {
	m.failure = failure{}
	m.note(func(s *Status) { s.Failure = nil })
}

// failed counts an attempt that failed, and reports it.
func (m *Model) failed(t target, state string, cause error) error {
	err := &LoadError{Model: m.key.name, Version: t.version, Err: cause}
	if serving := m.current.Load(); serving != nil {
		err.Serving = serving.Number()
	}
	repeated := m.failure.err != nil && m.failure.err.Error() == err.Error()
	m.failure = m.failure.again(state, err, m.registry.options.interval)
	m.note(func(s *Status) {
		s.Failures++
		s.Failure = err
	})
	m.registry.happened(Event{Kind: Failed, Model: m.key.name, Version: t.version, Err: err, Repeated: repeated})
	return err
}
