package golden

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestGoldenFeaturesAreThoseThatThisProgramComputes(t *testing.T) {
	fixtures := filepath.Join("..", "..", "..", "tests", "fixtures", "bundles")
	good := filepath.Join(fixtures, "features")
	open := func(dir string) *bundle.Bundle {
		b, err := bundle.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := CheckFeatures(open(good)); err != nil {
		t.Fatal(err)
	}
	if err := CheckFeatures(open(filepath.Join(fixtures, "good"))); err != nil {
		t.Errorf("a bundle without a specification: %v", err)
	}
	for _, c := range bundletest.Listed(t, fixtures, "bad_vectors.json") {
		t.Run(c.Name, func(t *testing.T) {
			err := CheckFeatures(open(bundletest.Edited(t, good, c.Edits...)))
			var typed *FeatureMismatch
			if !errors.As(err, &typed) || typed.Feature != c.ReasonContains || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want a mismatch of %q", err, c.ReasonContains)
			}
		})
	}
	b := open(good)
	for i := 1; i < len(b.Features.Computed); i += 2 { // the cosines
		b.Features.Computed[i] += slack / 2
	}
	if err := CheckFeatures(b); err != nil {
		t.Errorf("the last digits of a cosine: %v", err)
	}
}
