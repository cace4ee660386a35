package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestKnowsVersionsAsTheCompilerWritesThem(t *testing.T) {
	for text, want := range map[string]Version{"0.0": {0, 0}, "1.0": {1, 0}, "1.10": {1, 10}, "999999999.999999999": {999999999, 999999999}} {
		if got, ok := ParseVersion(text); got != want || !ok || got.String() != text {
			t.Errorf("%s: got %v, %v", text, got, ok)
		}
		if got, ok := ParseVersionFolder("v" + text); got != want || !ok || got.Folder() != "v"+text || !IsVersionFolder("v"+text) {
			t.Errorf("v%s: got %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1", "v1.0", "01.0", "1.00", "1.0.0", "-1.0", "1.0 ", "1.0\n", "+1.0", "1000000000.0", "１.0"} {
		if got, ok := ParseVersion(text); ok {
			t.Errorf("%q was taken for %v", text, got)
		}
		if IsVersionFolder("v" + text) {
			t.Errorf("%q was taken", "v"+text)
		}
	}
	for _, name := range []string{"", "1.0", "V1.0", "vv1.0", ".v1.0"} {
		if IsVersionFolder(name) {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestOrdersVersionsByTheirNumbers(t *testing.T) {
	versions := []Version{{1, 10}, {2, 0}, {1, 9}, {0, 11}}
	slices.SortFunc(versions, Version.Compare)
	if want := []Version{{0, 11}, {1, 9}, {1, 10}, {2, 0}}; !slices.Equal(versions, want) {
		t.Errorf("got %v", versions)
	}
}

func TestListsTheVersionsOfAModelsFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"v1.10", "v1.9", ".v1.11-0123abcd", "withdrawn", "v1"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Versions(dir); !slices.Equal(got, []Version{{1, 9}, {1, 10}}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := Versions(filepath.Join(dir, "absent"))
	var typed *Error
	if !errors.As(err, &typed) {
		t.Errorf("got %v", err)
	}
}

func TestKnowsTheNamesOfModels(t *testing.T) {
	for name, want := range map[string]bool{"consensus_latency": true, "7-b": true, "": false, "_a": false, ".hidden": false, "a/b": false, "a.b": false} {
		if IsName(name) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}

func TestTheDigestIsThatOfTheMetadataAlone(t *testing.T) {
	dir := edited(t)
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	same, err := Digest(dir)
	if err != nil || same != b.Digest || len(same) != 64 {
		t.Errorf("got %q (%v), want %q", same, err, b.Digest)
	}
	if other, err := Digest(edited(t, set("/created", `"2024-03-01T12:00:00Z"`))); other == same || err != nil {
		t.Errorf("got %q again (%v)", other, err)
	}
	var typed *Error
	for _, absent := range []string{filepath.Join(dir, "absent"), t.TempDir()} {
		if _, err := Digest(absent); !errors.As(err, &typed) {
			t.Errorf("got %v", err)
		}
	}
}
