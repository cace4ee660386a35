package bundle

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadsEveryKindOfValue(t *testing.T) {
	got, err := strictJSON([]byte(`{"a": [1, -2.5, 1e3, "x", true, null], "b": {}}`))
	want := map[string]any{"a": []any{int64(1), -2.5, 1000.0, "x", true, nil}, "b": map[string]any{}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusesWhatTwoParsersCouldReadDifferently(t *testing.T) {
	cases := map[string]string{
		``:                          "cut short",
		`{"a": 1`:                   "cut short",
		`{"a": }`:                   "not JSON",
		`{"a": NaN}`:                "NaN",
		`{"a": -Infinity}`:          "Infinity",
		`{"a": 1e400}`:              "1e400",
		`{"a": 1e999999999}`:        "1e999999999",
		`{"a": 1} {}`:               "after top-level value",
		`{"a": 1} x`:                "after top-level value",
		`{"a": 1, "a": 1}`:          "twice",
		`{"b": {"a": 1, "A": 1}}`:   "case only",
		"{\"k\": 1, \"\u212a\": 1}": "case only", // the Kelvin sign, which encoding/json takes for k
		"{\"a\": \"\xff\"}":         "UTF-8",
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1):           "nested",
		strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1): "nested",
	}
	for text, reason := range cases {
		if _, err := strictJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.40s: got %v, want a reason with %q", text, err, reason)
		}
	}
}

// Every field of the good metadata is read: written again, it is the same JSON.
func TestStructsHoldTheWholeContract(t *testing.T) {
	for _, dir := range []string{goodDir, classifierDir, oneRowDir} {
		text, err := os.ReadFile(filepath.Join(dir, MetadataFile))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := parseMetadata(MetadataFile, text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(again, &got)); err != nil {
			t.Fatal(err)
		}
		delete(want, checksumKey) // it is the text's
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func FuzzMetadataNeverPanics(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(goodDir, MetadataFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema": "dwcpc.bundle/1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseMetadata(MetadataFile, data); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	})
}
