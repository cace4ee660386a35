package bundletest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Edit is one change of one file; tests/fixtures/bad_cases.py says what each op does.
type Edit struct {
	File    string          `json:"file"`
	Op      string          `json:"op"`
	Pointer string          `json:"pointer"`
	Value   json.RawMessage `json:"value"`
	Old     string          `json:"old"`
	New     string          `json:"new"`
	Text    string          `json:"text"`
	Bytes   int             `json:"bytes"`
	Offset  int             `json:"offset"`
	Bit     int             `json:"bit"`
	Base64  string          `json:"base64"`
}

// Apply changes the bundle in dir.
func (e Edit) Apply(dir string) error {
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

func (e Edit) content(data []byte) ([]byte, error) {
	switch e.Op {
	case "truncate":
		return data[:e.Bytes], nil
	case "flip":
		data[e.Offset] ^= 0xff
		return data, nil
	case "flip_bit":
		data[e.Bit/8] ^= 1 << (e.Bit % 8)
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

func (e Edit) atPointer(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // every literal stays as it is
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	var value any
	if e.Op == "set" {
		if err := json.Unmarshal(e.Value, &value); err != nil {
			return nil, err
		}
	}
	tree, err := e.at(tree, strings.Split(e.Pointer, "/")[1:], value)
	if err != nil {
		return nil, err
	}
	if e.Pointer == "/"+checksumKey {
		return json.MarshalIndent(tree, "", " ")
	}
	return sealed(tree)
}

// at returns tree with the value at steps set or deleted.
func (e Edit) at(tree any, steps []string, value any) (any, error) {
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
