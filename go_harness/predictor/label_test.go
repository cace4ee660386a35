package predictor

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestNamesTheClassOfEachRow(t *testing.T) {
	p := opened(t, classifierDir)
	out := p.NewOutputs()
	for row, want := range []int64{7, -1, 0, 0, -1, 7, 7, 0} { // -1 is one of the classes
		if err := p.Predict(t.Context(), out, window(p.Bundle(), row)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Label(out); got != want || err != nil {
			t.Errorf("row %d: got %v, %v", row, got, err)
		}
	}
}

func TestNamesNoClassOfARowThatIsNotFinite(t *testing.T) {
	p := opened(t, classifierDir)
	out := p.NewOutputs()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for feature := range 2 {
			row := []float32{0.75, -1}
			row[feature] = float32(bad)
			if err := p.Predict(t.Context(), out, row); err != nil {
				t.Fatal(err)
			}
			if got, err := p.Label(out); !errors.Is(err, ErrNotAnswered) {
				t.Errorf("%v: got %v, %v", row, got, err)
			}
			if got, err := p.Anomaly(out); !errors.Is(err, ErrNotAnswered) {
				t.Errorf("%v: got %v, %v", row, got, err)
			}
		}
	}
}

// Where the model answers every row, -1 is a class whatever the probabilities are; elsewhere it takes both to say that a row
// was not answered.
func TestTellsTheClassMinusOneFromNoAnswer(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		policy      string
		label       int64
		probability float32
		answered    bool
	}{
		{"propagated", -1, nan, false},
		{"propagated", -1, 0.5, true},
		{"propagated", 7, nan, true},
		{"answered", -1, nan, true},
		{"answered", -1, 0.5, true},
	} {
		p := opened(t, bundletest.Copied(t, classifierDir, `"non_finite": "propagated"`, `"non_finite": "`+c.policy+`"`))
		out := p.NewOutputs()
		out[0].Int64[0], out[1].Float32[0] = c.label, c.probability
		got, err := p.Label(out)
		if c.answered && (got != c.label || err != nil) || !c.answered && !errors.Is(err, ErrNotAnswered) {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
}

func TestNamesNoClassWithoutAClassifiersLabel(t *testing.T) {
	for name, dir := range map[string]string{
		"another task": bundletest.Copied(t, classifierDir, `"task": "classification"`, `"task": "anomaly_detection"`),
		"no label":     copied(t, `"task": "autoencoder"`, `"task": "classification"`),
	} {
		p := opened(t, dir)
		if _, err := p.Label(p.NewOutputs()); !errors.Is(err, ErrNoLabel) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTakesNoOtherOutputForALabel(t *testing.T) {
	for _, output := range []bundle.Tensor{
		{Name: "label", DType: "float32"}, {Name: "label", DType: "int64", Shape: bundle.Shape{2}}, {Name: "anomaly", DType: "int64"},
	} {
		if i := labelIndex(&bundle.Metadata{Task: "classification", Outputs: []bundle.Tensor{output}}); i != none {
			t.Errorf("%+v was taken", output)
		}
	}
}

func TestNamesNoClassOfForeignOutputs(t *testing.T) {
	p := opened(t, classifierDir)
	for _, out := range []Outputs{nil, {{}, {}, {}, {}}, p.NewOutputs()[:3], opened(t, goodDir).NewOutputs()} {
		_, err := p.Label(out)
		var typed *LengthError
		if !errors.As(err, &typed) {
			t.Errorf("%v: got %v", out, err)
		}
	}
}
