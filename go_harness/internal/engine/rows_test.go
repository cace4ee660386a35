package engine

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// The good fixture's inputs and outputs, whose model for one row a call has them too.
var (
	windowInputs  = []bundle.Tensor{{Name: "x", DType: "float32", Shape: bundle.Shape{3, 2}}}
	windowOutputs = []bundle.Tensor{
		{Name: "reconstruction", DType: "float32", Shape: bundle.Shape{3, 2}},
		{Name: "anomaly_score", DType: "float32"},
	}
)

func windowSession(t *testing.T, folder string, batch int) *Session {
	t.Helper()
	session, err := opened(t).NewSession(fixture(t, "bundles", folder, "model.onnx"), pinned, batch, windowInputs, windowOutputs)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, session)
	return session
}

func TestAModelOfOneRowPredictsOneRow(t *testing.T) {
	window := [][]float32{{0.5, -2, 9, -2.5, 0.3, -3}}
	var answers [][]bundle.Output
	for folder, batch := range map[string]int{"good": anyRows, "one_row": 1} {
		slot, err := windowSession(t, folder, batch).NewSlot(1)
		if err != nil {
			t.Fatal(err)
		}
		closing(t, slot)
		dst := []bundle.Output{windowOutputs[0].NewOutput(1), windowOutputs[1].NewOutput(1)}
		if err := slot.Predict(dst, window); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, dst)
	}
	for i := range windowOutputs {
		if !slices.EqualFunc(answers[0][i].Float32, answers[1][i].Float32, sameBits) {
			t.Errorf("got %v and %v", answers[0][i], answers[1][i])
		}
	}
}

func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b)
}

func TestAModelOfOneRowRefusesSlotsOfMore(t *testing.T) {
	session := windowSession(t, "one_row", 1)
	for _, rows := range []int{2, 64} {
		_, err := session.NewSlot(rows)
		var typed *RowsError
		if !errors.As(err, &typed) || typed.Found != rows || typed.Expected != 1 || !strings.Contains(err.Error(), "expected 1") {
			t.Errorf("got %v", err)
		}
	}
}

func TestRefusesAModelOfAnotherNumberOfRows(t *testing.T) {
	runtime := opened(t)
	for folder, c := range map[string]struct {
		batch  int
		reason string
	}{
		"one_row": {anyRows, "x is of shape [1 3 2], expected [batch [3 2]], the first axis free (-1)"},
		"good":    {1, "x is of shape [-1 3 2], expected [batch [3 2]], the first axis 1"},
	} {
		_, err := runtime.NewSession(fixture(t, "bundles", folder, "model.onnx"), pinned, c.batch, windowInputs, windowOutputs)
		var typed *SignatureError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want %q", folder, err, c.reason)
		}
	}
}
