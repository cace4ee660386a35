package bundle

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestOpensABundleThatComputesItsFeatures(t *testing.T) {
	b, err := Open(featuresDir)
	if err != nil {
		t.Fatal(err)
	}
	v := b.Features
	if v == nil || v.Windows != 4 || v.Samples != 4 || v.Timesteps != 3 || len(v.Raw) != 4*4*3 || len(v.Computed) != 4*3*2 {
		t.Fatalf("got %+v", v)
	}
	if !slices.Equal(v.Spec.ColumnNames(), b.Metadata.Inputs[0].Channels) || !b.Metadata.Features.Embedded {
		t.Errorf("got %+v and %+v", v.Spec, b.Metadata.Inputs[0])
	}
	if plain, err := Open(goodDir); err != nil || plain.Features != nil || plain.Metadata.Features != nil {
		t.Errorf("got %v, %v", plain.Features, err)
	}
}

func TestRefusesEveryBadFeature(t *testing.T) {
	for _, c := range bundletest.Listed(t, fixtures, "bad_features.json") {
		t.Run(c.Name, func(t *testing.T) {
			_, err := Open(bundletest.Edited(t, featuresDir, c.Edits...))
			var typed *Error
			if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.ReasonContains) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one sentence with %q", err, c.ReasonContains)
			}
		})
	}
}
