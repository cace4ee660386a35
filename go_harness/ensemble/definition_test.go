package ensemble

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	root     = filepath.Join("..", "..")
	fixtures = filepath.Join(root, "tests", "fixtures")
)

// shared unmarshals a file that Python's tests read as well.
func shared(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures, "ensembles", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func written(t testing.TB, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "both.ensemble.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheSchemaIsTheCompilers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "compiler", "registry", "ensemble.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(schemaJSON, text) {
		t.Error("ensemble.schema.json differs from the compiler's; run go generate ./ensemble")
	}
}

func TestReadsEveryGoodDefinition(t *testing.T) {
	var cases []struct {
		Name     string
		Document json.RawMessage
		Members  []string
		Weights  []float64
		Minimum  int // null: fail
	}
	shared(t, "good.json", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			d, err := Read(written(t, c.Document))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			var weights []float64
			for _, member := range d.Members {
				names, weights = append(names, member.Name()), append(weights, member.Weight)
			}
			if !slices.Equal(names, c.Members) || !slices.Equal(weights, c.Weights) || d.Failing.Minimum != c.Minimum || (c.Minimum == 0) != (d.Failing.Policy == PolicyFail) {
				t.Errorf("got %+v", d)
			}
			var want, got any
			again, err := json.Marshal(d)
			if err := errors.Join(err, json.Unmarshal(c.Document, &want), json.Unmarshal(again, &got)); err != nil {
				t.Fatal(err)
			}
			if wantText, gotText := canonical(t, want), canonical(t, got); wantText != gotText {
				t.Errorf("got %s, want %s", gotText, wantText)
			}
		})
	}
}

func canonical(t *testing.T, tree any) string {
	t.Helper()
	text, err := json.Marshal(tree) // sorts keys
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRefusesEveryBadDefinitionInOneSentenceThatNamesWhatIsWrong(t *testing.T) {
	var cases []struct{ Name, Text, Says string }
	shared(t, "bad.json", &cases)
	if len(cases) < 30 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			path := written(t, []byte(c.Text))
			d, err := Read(path)
			var told *DefinitionError
			if d != nil && err == nil || !errors.As(err, &told) {
				t.Fatalf("got %+v, %v", d, err)
			}
			for _, part := range []string{c.Says, path} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestRefusesAFileThatIsAbsentOrHuge(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.json")
	for path, cause := range map[string]error{absent: os.ErrNotExist, written(t, bytes.Repeat([]byte(" "), maxBytes+1)): nil} {
		_, err := Read(path)
		var told *DefinitionError
		if !errors.As(err, &told) || cause != nil && !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzADefinitionNeverPanics(f *testing.F) {
	var cases []struct{ Text string }
	shared(f, "bad.json", &cases)
	for _, c := range cases {
		f.Add([]byte(c.Text))
	}
	f.Add([]byte(`{"schema":"dwcpc.ensemble/1","name":"a","combine":"vote","members":[{"model":"a","weight":1}],"failing":{"policy":"fail"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse("f", data)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
		if err == nil && (len(d.Members) == 0 || d.Failing.Minimum > len(d.Members)) {
			t.Errorf("got %+v", d)
		}
	})
}
