package main

import (
	"fmt"
	"os"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/engine"
)

// otherModel is side B of a pair, as the command line names it.
type otherModel struct {
	bundle string
	model  string
	inputs inputFiles // none: those of side A
}

func (o *options) other() *otherModel {
	other := &otherModel{inputs: inputFiles{}}
	o.set.StringVar(&other.bundle, "other", "", "side B: another bundle's folder")
	o.set.StringVar(&other.model, "other-model", "", "side B: an ONNX file")
	o.set.Func("other-input", "NAME=FILE.npy for side B; an ONNX file's inputs and outputs are then its own", other.inputs.add)
	return other
}

func (s *otherModel) check() error {
	if (s.bundle == "") == (s.model == "") {
		return usagef("pair: side B is given by one of --other and --other-model, found %s", s.found())
	}
	return nil
}

func (s *otherModel) found() string {
	if s.bundle == "" {
		return "neither"
	}
	return "both"
}

// read returns side B. An ONNX file gets a's session settings; its inputs and outputs have to be a's too, unless it was given
// inputs of its own.
func (s *otherModel) read(a *bundle.Bundle) (*bundle.Bundle, error) {
	if s.bundle != "" {
		return bundle.Open(s.bundle)
	}
	content, err := readModel(s.model)
	if err != nil {
		return nil, err
	}
	b := &bundle.Bundle{Metadata: a.Metadata, Model: content}
	if len(s.inputs) == 0 {
		return b, nil
	}
	if b.Metadata.Inputs, b.Metadata.Outputs, err = engine.Signature(content); err != nil {
		return nil, fmt.Errorf("%s: %w", s.model, err)
	}
	b.Metadata.Model.Batch = nil // Signature takes free batch axes alone
	return b, nil
}

func (s *otherModel) path() string {
	return s.bundle + s.model // one of them is empty
}

// rows reads the rows of a and b; b's are a's files unless it was given its own.
func (s *otherModel) rows(a, b *bundle.Bundle, files inputFiles) (rows [2]table, err error) {
	rows[0], err = files.read(a.Metadata.Inputs)
	if err != nil {
		return rows, err
	}
	if len(s.inputs) > 0 {
		files = s.inputs
	}
	rows[1], err = files.read(b.Metadata.Inputs)
	return rows, err
}

// readModel reads an ONNX file that belongs to no bundle, so that no hash speaks for it.
func readModel(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &inputError{err}
	}
	if !info.Mode().IsRegular() || info.Size() > maxInputBytes {
		return nil, inputf("%s is not a regular file of at most %d bytes; name an ONNX file", path, maxInputBytes)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &inputError{err}
	}
	return content, nil
}
