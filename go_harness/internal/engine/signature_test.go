package engine

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/onnxfile"
)

func TestSignatureIsWhatASlotBinds(t *testing.T) {
	inputs, outputs, err := Signature(fixture(t, "bundles", "classifier", "model.onnx"))
	wantInputs := []bundle.Tensor{{Name: "x", DType: "float32", Shape: bundle.Shape{2}}}
	wantOutputs := []bundle.Tensor{
		{Name: "label", DType: "int64", Shape: bundle.Shape{}},
		{Name: "probabilities", DType: "float32", Shape: bundle.Shape{3}},
		{Name: "anomaly_score", DType: "float32", Shape: bundle.Shape{}},
		{Name: "anomaly", DType: "int64", Shape: bundle.Shape{}},
	}
	if err != nil || !reflect.DeepEqual(inputs, wantInputs) || !reflect.DeepEqual(outputs, wantOutputs) {
		t.Errorf("got %+v and %+v, %v", inputs, outputs, err)
	}
}

func TestSignatureRefusesWhatNoSlotBinds(t *testing.T) {
	const double = 11
	for reason, value := range map[string]onnxfile.Value{
		"v is of element type 11, expected float32": {Name: "v", Type: double, HasShape: true, Shape: []int64{onnxfile.Free}},
		"v is of element type 7, expected float32":  {Name: "v", Type: onnxfile.Int64, HasShape: true, Shape: []int64{onnxfile.Free}},
		"v is of shape [], expected a free batch":   {Name: "v", Type: onnxfile.Float32},
		"v is of shape [1 2]":                       {Name: "v", Type: onnxfile.Float32, HasShape: true, Shape: []int64{1, 2}},
		"v is of shape [-1 -1]":                     {Name: "v", Type: onnxfile.Float32, HasShape: true, Shape: []int64{onnxfile.Free, onnxfile.Free}},
		"v is of shape [-1 0]":                      {Name: "v", Type: onnxfile.Float32, HasShape: true, Shape: []int64{onnxfile.Free, 0}},
		"v is of shape [-1 8192 8192]":              {Name: "v", Type: onnxfile.Float32, HasShape: true, Shape: []int64{onnxfile.Free, 8192, 8192}},
	} {
		_, err := tensors([]onnxfile.Value{value}, bundle.DTypeFloat32)
		var typed *SignatureError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %q", err, reason)
		}
	}
	if _, _, err := Signature([]byte("this is no model")); err == nil || !strings.Contains(err.Error(), "expected an ONNX model") {
		t.Errorf("got %v", err)
	}
}

// com.microsoft's operators, Scan and Loop with graphs of their own, int8 and float16 weights.
func TestRunsAModelOfMixedPrecision(t *testing.T) {
	model := fixture(t, "mixed_precision.onnx")
	inputs, outputs, err := Signature(model)
	if err != nil {
		t.Fatal(err)
	}
	session, err := opened(t).NewSession(model, pinned, anyRows, inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, session)
	slot, err := session.NewSlot(2)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, slot)
	dst := []bundle.Output{outputs[0].NewOutput(2), outputs[1].NewOutput(2)}
	x := []float32{1, 2, 3, 4, -1, 0.5, 0, 0, 1, 1, 2, -2}
	if err := slot.Predict(dst, [][]float32{x}); err != nil {
		t.Fatal(err)
	}
	if want := []float32{16, 24, 56, 80, 48, 80, 4, -8, 20, 0, 48, -40}; !slices.Equal(dst[0].Float32, want) {
		t.Errorf("sums are %v, want %v", dst[0].Float32, want)
	}
	for i, h := range dst[1].Float32 {
		const quantised = 0.01 // 8 bits of an input within 6
		if want := math.Tanh(math.Tanh(float64(x[2*i]))); math.Abs(float64(h)-want) > quantised {
			t.Errorf("hidden %d is %v, want %v", i, h, want)
		}
	}
}
