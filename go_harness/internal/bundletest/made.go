package bundletest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

// Made is a bundle that a test makes up: x [batch, len(X[0])] → y [batch, len(Y[0])], in float32. X and Y are its golden rows.
type Made struct {
	Name    string
	Version string
	Model   []byte
	X       [][]float32
	Y       [][]float64
}

// Adding returns the bundle of y = x + constant on 4 values, so that an answer tells which one gave it. addOne is the path of
// the fixture add_one.onnx.
func Adding(t testing.TB, addOne, name, version string, constant float32) Made {
	t.Helper()
	model, err := os.ReadFile(addOne)
	if err != nil {
		t.Fatal(err)
	}
	one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	if n := bytes.Count(model, one); n != 1 {
		t.Fatalf("%s holds %d times 1.0, expected once", addOne, n)
	}
	model = bytes.Replace(model, one, binary.LittleEndian.AppendUint32(nil, math.Float32bits(constant)), 1)
	made := Made{Name: name, Version: version, Model: model}
	for row := range 4 {
		x, y := make([]float32, 4), make([]float64, 4)
		for i := range x {
			x[i] = float32(row + 10*i)
			y[i] = float64(x[i]) + float64(constant)
		}
		made.X, made.Y = append(made.X, x), append(made.Y, y)
	}
	return made
}

// Write writes the bundle into the folder dir, which must not exist. What it says of its origin is the good bundle's.
func (m Made) Write(t testing.TB, good, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(good, metadataFile))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	inputs, outputs := m.golden(t)
	m.describe(document, sum(inputs), sum(outputs))
	if text, err = sealed(document); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "golden"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		metadataFile: text, "model.onnx": m.Model, "golden/input_x.npy": inputs, "golden/output_y.npy": outputs,
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (m Made) golden(t testing.TB) (inputs, outputs []byte) {
	t.Helper()
	x, y := npy.Array[float32]{Shape: []int{len(m.X), len(m.X[0])}}, npy.Array[float64]{Shape: []int{len(m.Y), len(m.Y[0])}}
	for i := range m.X {
		x.Data, y.Data = append(x.Data, m.X[i]...), append(y.Data, m.Y[i]...)
	}
	inputs, errX := npy.Encode(x)
	outputs, errY := npy.Encode(y)
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	return inputs, outputs
}

// describe changes the good bundle's metadata into this one's.
func (m Made) describe(document map[string]any, inputs, outputs string) {
	width := len(m.X[0])
	ones, zeros, channels := make([]float64, width), make([]float64, width), make([]string, width)
	for i := range channels {
		ones[i], channels[i] = 1, "c"+strings.Repeat("'", i)
	}
	document["name"], document["version"], document["task"] = m.Name, m.Version, "regression"
	document["non_finite"], document["decision"], document["parity"] = "answered", nil, nil
	model := document["model"].(map[string]any)
	model["sha256"], model["bytes"] = sum(m.Model), len(m.Model)
	document["inputs"] = []any{tensor("x", width, channels)}
	document["outputs"] = []any{tensor("y", len(m.Y[0]), []string{})}
	document["scaler"] = map[string]any{"type": "Identity", "center": zeros, "scale": ones, "applied": "graph"}
	document["golden"] = map[string]any{
		"rows": len(m.X), "sha256": sum([]byte(inputs + outputs)),
		"files": []any{
			map[string]any{"tensor": "x", "kind": "input", "file": "golden/input_x.npy", "sha256": inputs},
			map[string]any{"tensor": "y", "kind": "output", "file": "golden/output_y.npy", "sha256": outputs},
		},
		"groups": []any{map[string]any{"name": "typical", "start": 0, "stop": len(m.X), "tolerance": map[string]any{"y": []float64{1e-6}}}},
	}
}

func tensor(name string, width int, channels []string) map[string]any {
	return map[string]any{"name": name, "dtype": "float32", "shape": []any{"batch", width}, "channels": channels, "units": []string{}}
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
