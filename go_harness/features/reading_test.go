package features

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is where the contract is; a test of it is skipped where this module was taken alone.
var repository = filepath.Join("..", "..")

func shared(t testing.TB, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{repository}, path...)...))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("this module was taken alone")
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parsed returns the specification of text.
func parsed(t testing.TB, text string) *Spec {
	t.Helper()
	spec, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

type badCase struct {
	Name string          `json:"name"`
	Says []string        `json:"says"`
	Spec json.RawMessage `json:"spec"`
}

func badCases(t testing.TB) (cases []badCase) {
	t.Helper()
	if err := json.Unmarshal(shared(t, "tests", "fixtures", "features", "bad.json"), &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestTheSchemaIsTheCompilers(t *testing.T) {
	if !bytes.Equal(schemaJSON, shared(t, "compiler", "features", "features.schema.json")) {
		t.Error("features.schema.json differs from the compiler's; run go generate ./features")
	}
}

func TestBadSpecificationsAreRefusedWithTheNameOfTheStep(t *testing.T) {
	for _, c := range badCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			_, err := Parse(c.Spec)
			var told *Error
			if !errors.As(err, &told) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v", err)
			}
			for _, part := range c.Says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}
