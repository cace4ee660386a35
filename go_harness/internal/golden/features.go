package golden

import (
	"fmt"
	"math"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/features"
)

// slack is what a later step may make of the last digits of a sine, a cosine or a logarithm: relative, and absolute near 0. All
// other features are the same bits. Python's reader has the same (compiler/features/bundled.py).
const slack = 1e-9

// FeatureMismatch is a golden feature that this program computes differently.
type FeatureMismatch struct {
	Bundle   string
	Feature  string
	Window   int
	Sample   int
	Got      float64
	Expected float64
}

// Error names the place and both values.
func (e *FeatureMismatch) Error() string {
	return fmt.Sprintf(
		"golden: %s: feature %q of window %d, sample %d is %v, expected %v; this program computes other features than the model was trained on, do not serve it",
		e.Bundle, e.Feature, e.Window, e.Sample, e.Got, e.Expected,
	)
}

// CheckFeatures computes the golden feature vectors of a bundle that has some. The first feature that differs is a
// *FeatureMismatch.
func CheckFeatures(b *bundle.Bundle) error {
	v := b.Features
	if v == nil {
		return nil
	}
	plan, names, loose := features.Compile(v.Spec), v.Spec.Features(), v.Spec.Loose()
	raw, computed := len(v.Raw)/max(v.Windows, 1), len(v.Computed)/max(v.Windows, 1)
	got := make([]float64, computed)
	for window := range v.Windows {
		if err := plan.Replay(got, v.Raw[window*raw:(window+1)*raw]); err != nil {
			return fmt.Errorf("golden: %s: %w", b.Dir, err)
		}
		for i, expected := range v.Computed[window*computed : (window+1)*computed] {
			if feature := i % len(names); !sameFeature(got[i], expected, loose[feature]) {
				return &FeatureMismatch{
					Bundle: b.Dir, Feature: names[feature], Window: window, Sample: i / len(names), Got: got[i], Expected: expected,
				}
			}
		}
	}
	return nil
}

func sameFeature(got, expected float64, loose bool) bool {
	allowed := 0.0
	if loose {
		allowed = slack * (1 + math.Abs(expected))
	}
	_, ok := within(got, expected, allowed)
	return ok
}
