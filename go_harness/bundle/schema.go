package bundle

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:generate cp ../../compiler/bundle.schema.json .

//go:embed bundle.schema.json
var schemaJSON []byte

const (
	schemaFamily = "dwcpc.bundle/"
	schemaMajor  = "1"
)

// checkMajor refuses a bundle of another major version in a sentence of its own: its fields would only confuse.
func checkMajor(path string, tree any) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return &Error{Path: path, Found: "not a JSON object", Expected: "an object of the bundle's facts", Remedy: remedyRecompile}
	}
	found, ok := object["schema"].(string)
	version, isFamily := strings.CutPrefix(found, schemaFamily)
	if !ok || !isFamily {
		return nil // the schema says it better
	}
	major, _, _ := strings.Cut(version, ".")
	if major == schemaMajor {
		return nil
	}
	return &Error{
		Path: path, Field: "schema", Found: shown(found), Expected: "major version " + schemaMajor + ", the only one this reader knows",
		Remedy: "upgrade the reader or compile the bundle with an older dwcpc", Err: ErrSchemaVersion,
	}
}

// checkSchema validates tree, as strictJSON returns it, and reports the first and deepest violation.
func checkSchema(path string, tree any) error {
	schema, err := compiledSchema()
	if err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(tree); errors.As(err, &invalid) {
		return schemaError(path, deepest(invalid))
	} else if err != nil {
		return fmt.Errorf("bundle: %s: %w", path, err)
	}
	return nil
}

// compiledSchema compiles on first use, which takes 5 ms; the result is immutable.
var compiledSchema = sync.OnceValues(compileSchema)

func compileSchema() (*jsonschema.Schema, error) {
	const name = "bundle.schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		return nil, fmt.Errorf("bundle: embedded schema: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("bundle: embedded schema: %w", err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("bundle: embedded schema: %w", err)
	}
	return schema, nil
}

// deepest returns the leaf farthest from the root: of "an object or null" it is what is wrong with the object.
func deepest(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return e
	}
	leaves := make([]*jsonschema.ValidationError, len(e.Causes))
	for i, cause := range e.Causes {
		leaves[i] = deepest(cause)
	}
	// The validator walks maps in random order: equal depths are told apart by place.
	return slices.MinFunc(leaves, func(a, b *jsonschema.ValidationError) int {
		if byDepth := len(b.InstanceLocation) - len(a.InstanceLocation); byDepth != 0 {
			return byDepth
		}
		if byPlace := slices.Compare(a.InstanceLocation, b.InstanceLocation); byPlace != 0 {
			return byPlace
		}
		return rank(a) - rank(b)
	})
}

// rank puts what is missing before what is not null.
func rank(e *jsonschema.ValidationError) int {
	if t, ok := e.ErrorKind.(*kind.Type); ok && slices.Equal(t.Want, []string{"null"}) {
		return 1
	}
	return 0
}

func schemaError(path string, leaf *jsonschema.ValidationError) *Error {
	e := &Error{Path: path, Field: fieldPath(leaf.InstanceLocation), Remedy: remedyRecompile}
	switch k := leaf.ErrorKind.(type) {
	case *kind.Required:
		e.Field, e.Found, e.Expected = fieldPath(append(slices.Clone(leaf.InstanceLocation), k.Missing[0])), "missing", "a value"
	case *kind.Type:
		e.Found, e.Expected = "of type "+k.Got, strings.Join(k.Want, " or ")
	case *kind.Enum:
		e.Found, e.Expected = shown(k.Got), "one of "+shown(k.Want)
	case *kind.Const:
		e.Found, e.Expected = shown(k.Got), shown(k.Want)
	case *kind.Pattern:
		e.Found, e.Expected = shown(k.Got), "a match of "+k.Want
	case *kind.Minimum:
		e.Found, e.Expected = decimal(k.Got), "at least "+decimal(k.Want)
	case *kind.Maximum:
		e.Found, e.Expected = decimal(k.Got), "at most "+decimal(k.Want)
	case *kind.MinItems:
		e.Found, e.Expected = fmt.Sprintf("a list of %d", k.Got), fmt.Sprintf("at least %d", k.Want)
	case *kind.MinLength:
		e.Found, e.Expected = fmt.Sprintf("text of length %d", k.Got), fmt.Sprintf("at least %d", k.Want)
	default:
		e.Found, e.Expected = "against the schema's "+strings.Join(k.KeywordPath(), "/"), "what bundle.schema.json asks for"
	}
	return e
}

func decimal(number *big.Rat) string {
	value, _ := number.Float64()
	return strconv.FormatFloat(value, 'g', -1, 64)
}

// fieldPath writes a location as outputs[0].shape[2].
func fieldPath(location []string) string {
	var b strings.Builder
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}
