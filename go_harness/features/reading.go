package features

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

//go:generate cp ../../compiler/features/features.schema.json .

//go:embed features.schema.json
var schemaJSON []byte

var specSchema = strictjson.NewSchema("features.schema.json", schemaJSON)

const (
	schemaFamily = "dwcpc.features/"
	schemaID     = schemaFamily + "1"
	// maxSpecBytes is far above what thousands of features need; Python's reader has the same limit.
	maxSpecBytes = 4 << 20
)

// Read returns the specification at path. Whatever is wrong with it is an *Error that names the step or the field.
func Read(path string) (*Spec, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = file.Close() }() // opened for reading: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(file, maxSpecBytes+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return parse(path, data)
}

func unreadable(path string, err error) error {
	return &Error{Path: path, Found: "cannot be read (" + err.Error() + ")", Expected: "a feature specification", Remedy: "name its file", Err: err}
}

// Parse returns the specification that data is, checked by the schema and in itself. Whatever is wrong with it is an *Error
// that names the step or the field.
func Parse(data []byte) (*Spec, error) {
	return parse("", data)
}

func parse(path string, data []byte) (*Spec, error) {
	problem := func() error {
		if len(data) > maxSpecBytes {
			return &Error{Found: fmt.Sprintf("is larger than %d bytes", maxSpecBytes), Expected: "a feature specification", Remedy: remedySpec}
		}
		tree, err := strictjson.Parse(data)
		if err != nil {
			return &Error{Found: "is " + err.Error(), Expected: "one JSON object", Remedy: remedySpec, Err: err}
		}
		return misfit(tree)
	}()
	spec := &Spec{}
	if problem == nil {
		problem = converted(data, spec)
	}
	if problem == nil {
		problem = firstProblem(spec)
	}
	var told *Error
	if errors.As(problem, &told) {
		told.Path = path
	}
	if problem != nil {
		return nil, problem
	}
	return spec, nil
}

// misfit holds tree against the schema.
func misfit(tree any) error {
	object, _ := tree.(map[string]any)
	if found, _ := object["schema"].(string); strings.HasPrefix(found, schemaFamily) && found != schemaID {
		return &Error{
			Found: "schema is " + strictjson.Shown(found), Expected: strconv.Quote(schemaID), Remedy: "use the dwcpc version that wrote it",
			Err: ErrSchemaVersion,
		}
	}
	m, err := specSchema.Misfit(tree)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	if m == nil {
		return nil
	}
	place, field := named(m.Place, object)
	if field != "" {
		field += " "
	}
	return &Error{Place: place, Found: field + "is " + m.Found, Expected: m.Expected, Remedy: remedySpec}
}

// named returns the step that a place is in, and the field inside it.
func named(place []string, object map[string]any) (step, field string) {
	if len(place) < 2 || place[0] != "steps" {
		return "", strictjson.FieldPath(place)
	}
	steps, _ := object["steps"].([]any)
	i, err := strconv.Atoi(place[1])
	if err != nil || i >= len(steps) {
		return "", strictjson.FieldPath(place)
	}
	inner := strictjson.FieldPath(place[2:])
	fields, _ := steps[i].(map[string]any)
	if name, ok := fields["name"].(string); ok {
		return "step " + strictjson.Shown(name), inner
	}
	return strictjson.FieldPath(place[:2]), inner
}

// converted fills spec; what the schema takes for an integer and Go does not, such as 5.0, is refused.
func converted(data []byte, spec *Spec) error {
	err := json.Unmarshal(data, spec)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return &Error{Place: mismatch.Field, Found: "is " + mismatch.Value, Expected: mismatch.Type.String(), Remedy: remedySpec, Err: err}
	}
	if err != nil {
		return &Error{Found: "is unreadable (" + err.Error() + ")", Expected: "the fields of the schema", Remedy: remedySpec, Err: err}
	}
	return nil
}
