package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// The corpora are in testdata/fuzz, and grow by what make fuzz finds.

// Whatever stands in metadata.json: it is refused in one sentence that names the file, or it can be served from.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"schema": "dwcpc.bundle/1"}`))
	f.Add([]byte(`{"schema": "dwcpc.bundle/2", "Schema": 1}`))
	f.Add([]byte(`{"a": [NaN, 1e999, "\ud800"]}`))
	f.Add([]byte("[\xff]"))
	f.Add([]byte(strings.Repeat("[", 2*strictjson.MaxDepth)))
	f.Fuzz(refusesOrServes)
}

// The same with one value of a good file in the place of another: what random bytes hardly ever make.
func FuzzMetadataValue(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(classifierDir, MetadataFile))
	if err != nil {
		f.Fatal(err)
	}
	const every = 8 // as many as a test without fuzzing has time for
	for place := uint16(0); int(place) < len(placesIn(f, text)); place += every {
		f.Add(place, []byte("null"))
	}
	for _, value := range []string{`""`, `[]`, `{}`, `-1`, `1.5`, `1e308`, `9223372036854775808`, `["batch", 16777217]`, `["batch", 0]`, `{"a": [1], "A": 2}`, `1, "version": 1`} {
		f.Add(uint16(3), []byte(value))
	}
	f.Fuzz(func(t *testing.T, place uint16, value []byte) {
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		delete(tree.(map[string]any), "checksum") // it would be all that is found wrong
		places := placesBelow(nil, tree)
		at := places[int(place)%len(places)]
		const mark = "the value goes here"
		changed, err := json.Marshal(replaced(tree, at, mark))
		if err != nil {
			t.Fatal(err)
		}
		refusesOrServes(t, bytes.Replace(changed, []byte(`"`+mark+`"`), value, 1))
	})
}

// placesIn returns the path of every value of a JSON text, in order.
func placesIn(t testing.TB, text []byte) [][]any {
	t.Helper()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return placesBelow(nil, tree)
}

func placesBelow(path []any, node any) [][]any {
	places := [][]any{path}
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			places = append(places, placesBelow(append(slices.Clip(path), key), node[key])...)
		}
	case []any:
		for i := range node {
			places = append(places, placesBelow(append(slices.Clip(path), i), node[i])...)
		}
	}
	return places
}

// replaced returns the tree with another value at a place.
func replaced(tree any, path []any, value any) any {
	if len(path) == 0 {
		return value
	}
	switch node := tree.(type) {
	case map[string]any:
		key := path[0].(string)
		node[key] = replaced(node[key], path[1:], value)
	case []any:
		i := path[0].(int)
		node[i] = replaced(node[i], path[1:], value)
	}
	return tree
}

func refusesOrServes(t *testing.T, text []byte) {
	meta, err := parseMetadata("a/metadata.json", text)
	if err != nil {
		oneSentence(t, err, "a/metadata.json")
		return
	}
	for _, tensor := range append(meta.Inputs, meta.Outputs...) {
		if !tensor.Shape.Allocatable() {
			t.Errorf("%s of shape %v was taken", tensor.Name, tensor.Shape)
		}
	}
	if _, ok := ParseVersion(meta.Version); !ok || !IsName(meta.Name) {
		t.Errorf("%q %q was taken", meta.Name, meta.Version)
	}
	again, err := json.Marshal(meta)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	var back Metadata
	if err := json.Unmarshal(again, &back); err != nil {
		t.Errorf("what was written cannot be read: %v", err)
	}
}

func FuzzVersion(f *testing.F) {
	for _, text := range []string{"1.0", "v1.0", "01.0", "1.00", "1000000000.0", "1.0\n", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		version, ok := ParseVersion(text)
		if ok != IsVersionFolder("v"+text) {
			t.Errorf("%q: a version %v, a folder's not", text, ok)
		}
		if ok && version.String() != text {
			t.Errorf("%q was taken for %v", text, version)
		}
	})
}

// Whatever `latest` holds, as a file or as a link: it names a version's folder in this model's folder, or it is refused.
func FuzzLatest(f *testing.F) {
	for _, text := range []string{"v1.0", "v1.0\n", " v1.10 ", "../v1.0", "v1.0\nv1.1\n", "", "\x00", ".v1.1-0123abcd", "/etc/passwd"} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, link bool) {
		dir := t.TempDir()
		latest := filepath.Join(dir, LatestFile)
		var err error
		if link {
			err = os.Symlink(text, latest)
		} else {
			err = os.WriteFile(latest, []byte(text), 0o644)
		}
		if err != nil {
			t.Skip("no such link can be made")
		}
		version, err := Latest(dir)
		if err != nil {
			oneSentence(t, err, latest)
			return
		}
		if named := version.Folder(); !strings.Contains(text, named) || filepath.Dir(filepath.Join(dir, named)) != dir {
			t.Errorf("%q was taken for %v", text, version)
		}
	})
}

// oneSentence checks that err is an *Error about the file that a person can read.
func oneSentence(t *testing.T, err error, path string) {
	t.Helper()
	var typed *Error
	if !errors.As(err, &typed) || typed.Path != path {
		t.Errorf("got %v, want an Error about %s", err, path)
	}
	if text := err.Error(); strings.ContainsAny(text, "\n\x00") || !utf8.ValidString(text) {
		t.Errorf("got %q", text)
	}
}
