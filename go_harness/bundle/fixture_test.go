package bundle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The fixtures that Python tests as well; tests/fixtures/make_bundles.py writes them.
var (
	fixtures      = filepath.Join("..", "..", "tests", "fixtures", "bundles")
	goodDir       = filepath.Join(fixtures, "good")
	classifierDir = filepath.Join(fixtures, "classifier")
	oneRowDir     = filepath.Join(fixtures, "one_row")
)

// badCase is an entry of bad.json.
type badCase struct {
	Name           string `json:"name"`
	Edits          []edit `json:"edits"`
	ReasonContains string `json:"reason_contains"`
}

// edit is one change of one file; tests/fixtures/bad_cases.py says what each op does.
type edit struct {
	File    string          `json:"file"`
	Op      string          `json:"op"`
	Pointer string          `json:"pointer"`
	Value   json.RawMessage `json:"value"`
	Old     string          `json:"old"`
	New     string          `json:"new"`
	Text    string          `json:"text"`
	Bytes   int             `json:"bytes"`
	Offset  int             `json:"offset"`
	Base64  string          `json:"base64"`
}

func badCases(t *testing.T) []badCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, "bad.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []badCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// edited returns the folder of a copy of the good bundle with edits applied.
func edited(t *testing.T, edits ...edit) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := os.CopyFS(dir, os.DirFS(goodDir)); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		if err := e.apply(dir); err != nil {
			t.Fatalf("%s %s: %v", e.Op, e.File, err)
		}
	}
	return dir
}

func set(pointer, value string) edit {
	return edit{File: MetadataFile, Op: "set", Pointer: pointer, Value: json.RawMessage(value)}
}

func (e edit) apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(e.File))
	switch e.Op {
	case "remove":
		return os.Remove(path)
	case "make_directory":
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o755)
	case "link_outside":
		outside := filepath.Join(filepath.Dir(dir), filepath.Base(path))
		if err := os.Rename(path, outside); err != nil {
			return err
		}
		return os.Symlink(outside, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data, err = e.content(data); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func (e edit) content(data []byte) ([]byte, error) {
	switch e.Op {
	case "truncate":
		return data[:e.Bytes], nil
	case "flip":
		data[e.Offset] ^= 0xff
		return data, nil
	case "append":
		return append(data, e.Text...), nil
	case "write":
		return base64.StdEncoding.DecodeString(e.Base64)
	case "replace":
		if !strings.Contains(string(data), e.Old) {
			return nil, fmt.Errorf("%q does not occur", e.Old)
		}
		return []byte(strings.Replace(string(data), e.Old, e.New, 1)), nil
	case "set", "delete":
		return e.atPointer(data)
	}
	return nil, fmt.Errorf("unknown op %q", e.Op)
}

func (e edit) atPointer(data []byte) ([]byte, error) {
	tree, err := strictJSON(data)
	if err != nil {
		return nil, err
	}
	var value any
	if e.Op == "set" {
		if err := json.Unmarshal(e.Value, &value); err != nil {
			return nil, err
		}
	}
	tree, err = e.at(tree, strings.Split(e.Pointer, "/")[1:], value)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(tree, "", " ")
}

// at returns tree with the value at steps set or deleted.
func (e edit) at(tree any, steps []string, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	step := steps[0]
	switch node := tree.(type) {
	case map[string]any:
		if e.Op == "delete" && len(steps) == 1 {
			delete(node, step)
			return node, nil
		}
		child, err := e.at(node[step], steps[1:], value)
		node[step] = child
		return node, err
	case []any:
		if step == "-" {
			return append(node, value), nil
		}
		i, err := strconv.Atoi(step)
		if err != nil {
			return nil, err
		}
		if e.Op == "delete" && len(steps) == 1 {
			return append(node[:i], node[i+1:]...), nil
		}
		child, err := e.at(node[i], steps[1:], value)
		node[i] = child
		return node, err
	}
	return nil, fmt.Errorf("nothing at %q", step)
}
