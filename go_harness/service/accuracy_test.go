package service

import (
	"math"
	"testing"
	"time"
)

func TestComparesWithTheMeasurementThatIsNearestInTime(t *testing.T) {
	tr := tracker{tolerances: []Tolerance{{Relative: 0.1}}, window: 3, slack: 30 * time.Second}
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for i := range 3 {
		tr.predicted(Prediction{Version: "1.0", For: at(60 * i), Values: []float64{float64(100 * (i + 1))}})
	}
	if tr.measured(at(-31), []float64{100}) {
		t.Error("compared with what was measured too early")
	}
	if !tr.measured(at(80), []float64{200}) || len(tr.pending) != 1 { // that for 0 is over, too
		t.Errorf("%d are left", len(tr.pending))
	}
	if !tr.measured(at(149), []float64{200}) || tr.measured(at(150), []float64{200}) {
		t.Error("compared one twice")
	}
	a := tr.accuracy()
	if a.Scored != 2 || a.Ratio != 0.5 || a.MeanError[0] != 50 || a.Version != "1.0" {
		t.Errorf("got %+v", a)
	}
	tr.predicted(Prediction{Version: "1.1", For: at(300), Values: []float64{1}})
	if a := tr.accuracy(); a.Scored != 0 || !math.IsNaN(a.Ratio) || !math.IsNaN(a.MeanError[0]) || a.Confidence != 0 || a.Version != "1.1" {
		t.Errorf("another version: got %+v", a)
	}
}

func TestAccuracyIsOfTheLastPredictionsOnly(t *testing.T) {
	tr := tracker{tolerances: []Tolerance{{}, {Absolute: 1}}, window: 4}
	for i := range 10 {
		wrong := 0.0
		if i < 6 {
			wrong = 1 // within the second tolerance
		}
		tr.score([]float64{5 + wrong, 5 + wrong}, []float64{5, 5})
	}
	if a := tr.accuracy(); a.Ratio != 1 || a.Scored != 8 {
		t.Errorf("got %+v", a)
	}
	tr.score([]float64{6, 6}, []float64{5, 5})
	if a := tr.accuracy(); a.Ratio != 7.0/8 || a.MeanError[0] != 0.25 {
		t.Errorf("got %+v", a)
	}
}

func TestForgetsPredictionsThatNobodyMeasures(t *testing.T) {
	tr := tracker{tolerances: []Tolerance{{}}, window: 1}
	for i := range 3 * maxPending {
		tr.predicted(Prediction{For: noon.Add(time.Duration(i))})
	}
	if len(tr.pending) != maxPending || !tr.pending[maxPending-1].For.Equal(noon.Add(3*maxPending-1)) {
		t.Errorf("%d are left", len(tr.pending))
	}
}

func TestAToleranceIsAbsoluteAndRelative(t *testing.T) {
	tolerance := Tolerance{Absolute: 0.5, Relative: 0.1}
	for predicted, want := range map[float64]bool{-11.5: true, -8.5: true, -11.6: false, -8.4: false} {
		if tolerance.holds(predicted, -10) != want {
			t.Errorf("%v for -10 is right: %v", predicted, !want)
		}
	}
}

// The bound is the share L from which what was seen is just z standard deviations away: p − L = z·√(L(1−L)/n).
func TestConfidenceIsWilsonsLowerBound(t *testing.T) {
	for _, c := range []struct{ hits, n int }{{1, 1}, {9, 10}, {1, 7}, {900, 1000}} {
		p, low := float64(c.hits)/float64(c.n), wilson(c.hits, c.n)
		if away := wilsonZ * math.Sqrt(low*(1-low)/float64(c.n)); low >= p || math.Abs(p-low-away) > 1e-12 {
			t.Errorf("%d of %d: got %v, which is %v below, want %v", c.hits, c.n, low, p-low, away)
		}
	}
	if wilson(0, 0) != 0 || wilson(0, 5) > 1e-12 {
		t.Error("is confident without a hit")
	}
}
