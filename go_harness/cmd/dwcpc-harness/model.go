package main

import (
	"errors"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
)

// model is an opened bundle with its session.
type model struct {
	bundle  *bundle.Bundle
	runtime *engine.Runtime
	session *engine.Session
	load    time.Duration // of the session alone
}

func openModel(dir, library string) (*model, error) {
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	m, err := loadModel(b, library)
	b.Model = nil // the runtime has its own copy; the memory measured is a service's
	return m, err
}

// loadModel opens a session on b's model.
func loadModel(b *bundle.Bundle, library string) (*model, error) {
	r, err := engine.Open(library)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	meta := &b.Metadata
	session, err := r.NewSession(b.Model, meta.Runtime.Session, meta.Model.RowsPerCall(), meta.Inputs, meta.Outputs)
	load := time.Since(begin)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &model{bundle: b, runtime: r, session: session, load: load}, nil
}

func (m *model) close() error {
	return errors.Join(m.session.Close(), m.runtime.Close())
}

// withModel opens the bundle in dir, hands it to use, and closes it.
func withModel[T any](dir, library string, use func(*model) (T, error)) (T, error) {
	m, err := openModel(dir, library)
	if err != nil {
		var none T
		return none, err
	}
	result, err := use(m)
	return result, errors.Join(err, m.close())
}

// withSlot makes a slot of rows rows, hands it to use, and closes it.
func (m *model) withSlot(rows int, use func(*engine.Slot) error) error {
	slot, err := m.session.NewSlot(rows)
	if err != nil {
		return err
	}
	return errors.Join(use(slot), slot.Close())
}

// outputs returns one entry per output for rows rows.
func (m *model) outputs(rows int) []bundle.Output {
	values := make([]bundle.Output, len(m.bundle.Metadata.Outputs))
	for i, output := range m.bundle.Metadata.Outputs {
		values[i] = output.NewOutput(rows)
	}
	return values
}
