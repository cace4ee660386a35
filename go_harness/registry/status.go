package registry

import "time"

// Status is how a handle is, for a health check.
type Status struct {
	Model    string
	Version  string
	Since    time.Time // when the version began to serve
	Swaps    int       // versions that followed another one
	Failures int       // attempts to serve a version that failed
	// Failure is why the version that should serve does not; nil when it does.
	Failure error
}

// Status returns how the handle is. It does not wait for a load.
func (m *Model) Status() Status {
	m.noting.Lock()
	defer m.noting.Unlock()
	return m.status
}

func (m *Model) note(change func(*Status)) {
	m.noting.Lock()
	defer m.noting.Unlock()
	change(&m.status)
}
