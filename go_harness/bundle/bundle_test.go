package bundle

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func TestOpensTheGoodBundle(t *testing.T) {
	b, err := Open(goodDir)
	if err != nil {
		t.Fatal(err)
	}
	m := b.Metadata
	if m.Name != "tiny_autoencoder" || m.Version != "1.0" || m.ModelType != "lstm_autoencoder" || m.Source.ArchitectureConfig["features"] != 2 {
		t.Errorf("got %+v", m)
	}
	if m.Inputs[0].Shape.Elements() != 6 || m.Inputs[0].Shape.Width() != 2 || m.Outputs[1].Shape.Width() != 1 {
		t.Errorf("shapes are %v and %v", m.Inputs[0].Shape, m.Outputs[1].Shape)
	}
	if m.Decision.Threshold != 0.2918 || m.Parity.Results[0].Worst != 1e-07 || m.Measurements.SourceP50Ms != nil || *m.Budgets[0].Measured != 0.025 {
		t.Errorf("got %+v, %+v, %+v", m.Decision, m.Parity, m.Measurements)
	}
	if int64(len(b.Model)) != m.Model.Bytes || len(b.Golden.Inputs[0]) != 60 || len(b.Golden.Outputs[1]) != 10 {
		t.Errorf("%d bytes, %d and %d golden values", len(b.Model), len(b.Golden.Inputs[0]), len(b.Golden.Outputs[1]))
	}
	if !math.IsNaN(b.Golden.Outputs[1][8]) {
		t.Errorf("golden score of the NaN row is %v", b.Golden.Outputs[1][8])
	}
}

func TestOpensABundleWithLabelsAndAFlag(t *testing.T) {
	b, err := Open(classifierDir)
	if err != nil {
		t.Fatal(err)
	}
	m := b.Metadata
	if m.Task != TaskClassification || m.NonFinite != NonFinitePropagated || m.Decision.Flag == nil || *m.Decision.Flag != "anomaly" {
		t.Errorf("got %+v and %+v", m, m.Decision)
	}
	if labels := b.Golden.Outputs[0]; !slices.Equal(labels, []float64{7, -1, 0, 0, -1, 7, 7, 0, Unanswered, Unanswered}) {
		t.Errorf("labels are %v", labels)
	}
}

func TestMakesBuffersOfTheOutputsType(t *testing.T) {
	b, err := Open(classifierDir)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{0, 4}, {12, 0}, {4, 0}, {0, 4}} {
		output := b.Metadata.Outputs[i].NewOutput(4)
		if got := [2]int{len(output.Float32), len(output.Int64)}; got != want || (output.Float32 == nil) == (output.Int64 == nil) {
			t.Errorf("output %d: got %v, want %v", i, output, want)
		}
	}
}

func TestRefusesEveryBadBundle(t *testing.T) {
	cases := append(bundletest.Listed(t, fixtures, "bad.json"), bundletest.Corrupt(t, fixtures)...)
	if len(cases) < 450 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			dir := edited(t, c.Edits...)
			_, err := Open(dir)
			if err == nil {
				t.Fatal("it was opened")
			}
			var typed *Error
			if !errors.As(err, &typed) || !strings.HasPrefix(typed.Path, dir) {
				t.Fatalf("%T: %v", err, err)
			}
			text := strings.ReplaceAll(err.Error(), dir, "DIR")
			if !strings.Contains(text, c.ReasonContains) || strings.Contains(text, "\n") || typed.Remedy == "" {
				t.Errorf("got %q, want one sentence with %q", text, c.ReasonContains)
			}
			t.Log(text)
		})
	}
}

func TestRefusesAFolderThatIsNamedAsAnotherVersion(t *testing.T) {
	dir := edited(t)
	copied := filepath.Join(filepath.Dir(dir), "v1.1")
	if err := os.Rename(dir, copied); err != nil {
		t.Fatal(err)
	}
	_, err := Open(copied)
	if err == nil || !strings.Contains(err.Error(), `metadata.json: version is "1.0", expected "1.1", as its folder`) {
		t.Errorf("got %v", err)
	}
	elsewhere := filepath.Join(filepath.Dir(dir), "anything else")
	if err := os.Rename(copied, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(elsewhere); err != nil {
		t.Error(err)
	}
}

func TestOpensBundlesThatAreStillBeingMade(t *testing.T) {
	dir := edited(t, set("/parity", "null"), set("/measurements", "null"), set("/budgets", "[]"), set("/decision", "null"))
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Metadata.Parity != nil || b.Metadata.Measurements != nil || b.Metadata.Decision != nil {
		t.Errorf("got %+v", b.Metadata)
	}
}

func TestOpensMinorVersionsAndKeysItDoesNotKnow(t *testing.T) {
	dir := edited(t, set("/schema", `"dwcpc.bundle/1.7"`), set("/novelty", `{"any": [1, 2.5, null]}`))
	if _, err := Open(dir); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestTellsAnUnknownVersionFromDamage(t *testing.T) {
	_, future := Open(edited(t, set("/schema", `"dwcpc.bundle/2.0"`)))
	_, damaged := Open(edited(t, edit{File: modelFile, Op: "flip", Offset: 9}))
	if !errors.Is(future, ErrSchemaVersion) || errors.Is(future, ErrIntegrity) {
		t.Errorf("got %v", future)
	}
	if !errors.Is(damaged, ErrIntegrity) || errors.Is(damaged, ErrSchemaVersion) {
		t.Errorf("got %v", damaged)
	}
}

func TestFollowsLinksThatStayInside(t *testing.T) {
	dir := edited(t)
	if err := os.Rename(filepath.Join(dir, modelFile), filepath.Join(dir, "real.onnx")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.onnx", filepath.Join(dir, modelFile)); err != nil {
		t.Fatal(err)
	}
	latest := filepath.Join(t.TempDir(), "latest")
	if err := os.Symlink(dir, latest); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(latest); err != nil {
		t.Error(err)
	}
}

func TestRefusesAFolderThatIsNone(t *testing.T) {
	for _, dir := range []string{filepath.Join(goodDir, "absent"), filepath.Join(goodDir, modelFile)} {
		_, err := Open(dir)
		var typed *Error
		if !errors.As(err, &typed) || typed.Path != dir {
			t.Errorf("got %v", err)
		}
	}
}

func TestRefusesMetadataOverTheLimit(t *testing.T) {
	_, err := Open(edited(t, edit{File: MetadataFile, Op: "append", Text: strings.Repeat(" ", maxMetadataBytes)}))
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

func TestEmbeddedSchemaIsTheCompilersOwn(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "compiler", "bundle.schema.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the compiler's folder is absent: this module was taken alone")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(schemaJSON, want) {
		t.Error("bundle.schema.json differs from the compiler's; run go generate ./bundle")
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := Open(goodDir); err != nil {
			b.Fatal(err)
		}
	}
}
