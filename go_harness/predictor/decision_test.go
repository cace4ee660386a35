package predictor

import (
	"errors"
	"math"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestDecidesByTheBundlesComparison(t *testing.T) {
	// A quarter is the same number in float32 and float64: the score can lie on the threshold.
	for comparison, want := range map[string][3]bool{">": {false, false, true}, ">=": {false, true, true}, "<": {true, false, false}, "<=": {true, true, false}} {
		p := opened(t, copied(t, `"comparison": ">"`, `"comparison": "`+comparison+`"`, `"threshold": 0.2918`, `"threshold": 0.25`))
		out := p.NewOutputs()
		for i, score := range []float32{math.Nextafter32(0.25, 0), 0.25, math.Nextafter32(0.25, 1)} {
			out[1].Float32[0] = score
			if got, err := p.Anomaly(out); got != want[i] || err != nil {
				t.Errorf("%v %s 0.25: got %v, %v", score, comparison, got, err)
			}
		}
	}
}

func TestComparesInFloat64(t *testing.T) {
	p := opened(t, copied(t, `"comparison": ">"`, `"comparison": "<"`))
	out := p.NewOutputs()
	out[1].Float32[0] = 0.2918 // rounded to float32 it is less than the threshold; so rounded, the threshold would be no more
	if got, err := p.Anomaly(out); !got || err != nil {
		t.Errorf("%v < 0.2918: got %v, %v", float64(out[1].Float32[0]), got, err)
	}
}

func TestTakesAnInfiniteScoreForANumber(t *testing.T) {
	p := opened(t, goodDir)
	out := p.NewOutputs()
	for score, want := range map[float64]bool{math.Inf(1): true, math.Inf(-1): false} {
		out[1].Float32[0] = float32(score)
		if got, err := p.Anomaly(out); got != want || err != nil {
			t.Errorf("%v: got %v, %v", score, got, err)
		}
	}
}

func TestDecidesNothingAboutAWindowThatIsNotFinite(t *testing.T) {
	p := opened(t, goodDir)
	out := p.NewOutputs()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		row := make([]float32, 6)
		row[3] = float32(bad)
		if err := p.Predict(t.Context(), out, row); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Anomaly(out); got || !errors.Is(err, ErrNotAnswered) {
			t.Errorf("%v: got %v, %v", bad, got, err)
		}
	}
}

func TestDecidesNothingAboutForeignOutputs(t *testing.T) {
	p := opened(t, goodDir)
	for _, out := range []Outputs{nil, {{}, {}}, p.NewOutputs()[:1]} {
		_, err := p.Anomaly(out)
		var typed *LengthError
		if !errors.As(err, &typed) {
			t.Errorf("%v: got %v", out, err)
		}
	}
}

func TestDecidesNothingWithoutADecision(t *testing.T) {
	p := opened(t, copied(t, `"decision": {`, `"decision": null, "decision_to_be": {`))
	if _, err := p.Anomaly(p.NewOutputs()); !errors.Is(err, ErrNoDecision) {
		t.Errorf("got %v", err)
	}
}

// Row 3 lies on the threshold: its score, rounded to float32, is beyond.
func TestDecidesByTheFlagWhereThereIsOne(t *testing.T) {
	p := opened(t, classifierDir)
	out := p.NewOutputs()
	decision := p.Bundle().Metadata.Decision
	differ := 0
	for row := range 8 { // group typical
		if err := p.Predict(t.Context(), out, window(p.Bundle(), row)); err != nil {
			t.Fatal(err)
		}
		want := p.Bundle().Golden.Outputs[3][row] == 1
		if got, err := p.Anomaly(out); got != want || err != nil {
			t.Errorf("row %d: got %v, %v", row, got, err)
		}
		if byScore := float64(out[2].Float32[0]) > decision.Threshold; byScore != want {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("score and flag differ on %d rows, want the one that this is about", differ)
	}
}

func TestDecidesByTheScoreOfTheSameModelWithoutAFlag(t *testing.T) {
	p := opened(t, bundletest.Copied(t, classifierDir, `"flag": "anomaly"`, `"flag": null`))
	out := p.NewOutputs()
	if err := p.Predict(t.Context(), out, window(p.Bundle(), 3)); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Anomaly(out); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTakesNoOtherFlagForADecision(t *testing.T) {
	p := opened(t, classifierDir)
	out := p.NewOutputs()
	for _, flag := range []int64{-1, 2, math.MinInt64, 1 << 32} {
		out[3].Int64[0] = flag
		if got, err := p.Anomaly(out); got || !errors.Is(err, ErrNotAnswered) {
			t.Errorf("flag %d: got %v, %v", flag, got, err)
		}
	}
}
