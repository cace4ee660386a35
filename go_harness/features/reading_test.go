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

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	spec := parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "time": {"column": "t"}, "group": null, "columns": [{"name": "x"}],
		"steps": [{"name": "f", "op": "rolling_std", "of": "x", "window": 5.0}]}`)
	step, time := spec.Steps[0], spec.Time
	if step.Window != 5 || step.Periods != 1 || step.DDOF != 1 || !step.Output || step.Fill != nil || spec.Group != "" || spec.Lookback() != 4 {
		t.Errorf("got %+v", step)
	}
	if time.Late != Refuse || time.Duplicate != Refuse || time.MaxGap != nil || spec.Columns[0].Unknown != Refuse {
		t.Errorf("got %+v", spec)
	}
}

func TestAFileThatIsNoSpecificationIsRefusedByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(path, []byte(`{"schema": "dwcpc.features/1",`), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(large, make([]byte, maxSpecBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{path: "cut short", path + "x": "cannot be read", large: "larger than"} {
		var told *Error
		if _, err := Read(name); !errors.As(err, &told) || told.Path != name || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v", err)
		}
	}
}

// Every unit that a specification may state, and those that follow.
func TestUnitsFollowFromTheSources(t *testing.T) {
	const before = `{"schema": "dwcpc.features/1", "name": "x", "columns": [{"name": "a", "unit": "ms"}, {"name": "b", "unit": "ms"}, {"name": "c", "unit": "MB"}, {"name": "d"}], "steps": [`
	for _, c := range [][2]string{
		{`{"name": "f", "op": "ratio", "of": "a", "by": "b"}`, "1"},
		{`{"name": "f", "op": "ratio", "of": "a", "by": "c"}`, "ms/MB"},
		{`{"name": "f", "op": "ratio", "of": "a", "by": "d"}`, ""},
		{`{"name": "f", "op": "ratio", "of": "a", "by": "c", "unit": "s/GB"}`, "s/GB"},
		{`{"name": "f", "op": "product", "of": ["a", "c"]}`, "ms·MB"},
		{`{"name": "f", "op": "product", "of": ["a", "d"]}`, ""},
		{`{"name": "f", "op": "sum", "of": ["d", "a", "b"]}`, "ms"},
		{`{"name": "f", "op": "weighted_sum", "terms": [{"of": "a", "weight": 1, "per": 5}, {"of": "c", "weight": 1, "per": 2}]}`, "1"},
		{`{"name": "f", "op": "sin", "of": "a", "period": 1}`, "1"},
		{`{"name": "f", "op": "lag", "of": "a", "samples": 1, "unit": "ms"}`, "ms"},
		{`{"name": "f", "op": "clip", "of": "d", "low": 1, "unit": "s"}`, "s"},
	} {
		spec := parsed(t, before+c[0]+`]}`)
		units := map[string]string{}
		for _, column := range spec.Columns {
			units[column.Name] = column.Unit
		}
		if got, clash := unitOf(spec.Steps[0], units); got != c[1] || clash != nil {
			t.Errorf("%s: %q, want %q (%v)", c[0], got, c[1], clash)
		}
	}
}
