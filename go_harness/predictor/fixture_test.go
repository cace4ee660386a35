package predictor

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var (
	goodDir       = filepath.Join("..", "..", "tests", "fixtures", "bundles", "good")
	classifierDir = filepath.Join("..", "..", "tests", "fixtures", "bundles", "classifier")
	oneRowDir     = filepath.Join("..", "..", "tests", "fixtures", "bundles", "one_row")
)

// openedRuntime returns the runtime that the environment names; without one the test fails.
func openedRuntime(t testing.TB) *dwcpc.Runtime {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, rt)
	return rt
}

func opened(t testing.TB, dir string, options ...Option) *Predictor {
	t.Helper()
	p, err := Open(openedRuntime(t), dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

func closing(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// copied returns the folder of a copy of the good bundle with old replaced by new in its metadata.
func copied(t *testing.T, replacements ...string) string {
	t.Helper()
	return bundletest.Copied(t, goodDir, replacements...)
}

// window returns a golden row as Predict takes it.
func window(b *bundle.Bundle, row int) []float32 {
	n := b.Metadata.Inputs[0].Shape.Elements()
	return b.Golden.Inputs[0][row*n : (row+1)*n]
}
