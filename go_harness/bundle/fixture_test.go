package bundle

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

// The fixtures that Python tests as well; tests/fixtures/make_bundles.py writes them.
var (
	fixtures      = filepath.Join("..", "..", "tests", "fixtures", "bundles")
	goodDir       = filepath.Join(fixtures, "good")
	classifierDir = filepath.Join(fixtures, "classifier")
	oneRowDir     = filepath.Join(fixtures, "one_row")
	featuresDir   = filepath.Join(fixtures, "features")
)

type edit = bundletest.Edit

// edited returns the folder of a copy of the good bundle with edits applied.
func edited(t *testing.T, edits ...edit) string {
	t.Helper()
	return bundletest.Edited(t, goodDir, edits...)
}

func set(pointer, value string) edit {
	return edit{File: MetadataFile, Op: "set", Pointer: pointer, Value: json.RawMessage(value)}
}
