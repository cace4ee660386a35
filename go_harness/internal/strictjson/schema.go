package strictjson

import (
	"bytes"
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

// Schema is a JSON Schema that is compiled on first use, which takes 5 ms. Any number of goroutines may use it.
type Schema struct {
	name     string
	compiled func() (*jsonschema.Schema, error)
}

// NewSchema returns the schema that text is; name is its file's, for messages.
func NewSchema(name string, text []byte) *Schema {
	return &Schema{name: name, compiled: sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(name, text) })}
}

// Misfit is the first value that does not fit a schema: the place of it and a clause on either side of "expected".
type Misfit struct {
	Place    []string // keys and indices, from the root
	Found    string
	Expected string
}

// Field writes the place as outputs[0].shape[2].
func (m *Misfit) Field() string { return FieldPath(m.Place) }

// Misfit validates tree, as Parse returns it, and returns the first and deepest violation, nil where there is none. An error
// is a fault of the schema itself.
func (s *Schema) Misfit(tree any) (*Misfit, error) {
	schema, err := s.compiled()
	if err != nil {
		return nil, err
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(tree); errors.As(err, &invalid) {
		return s.misfit(deepest(invalid)), nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return nil, nil
}

func compile(name string, text []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
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
		if byCause := consequence(a) - consequence(b); byCause != 0 {
			return byCause
		}
		if byDepth := len(b.InstanceLocation) - len(a.InstanceLocation); byDepth != 0 {
			return byDepth
		}
		if byPlace := slices.Compare(a.InstanceLocation, b.InstanceLocation); byPlace != 0 {
			return byPlace
		}
		return rank(a) - rank(b)
	})
}

// consequence puts unknown keys behind all else: one wrong value makes a schema's unevaluatedProperties refuse its neighbours.
func consequence(e *jsonschema.ValidationError) int {
	if _, ok := e.ErrorKind.(*kind.FalseSchema); ok {
		return 1
	}
	return 0
}

// rank puts what is missing before what is not null.
func rank(e *jsonschema.ValidationError) int {
	if t, ok := e.ErrorKind.(*kind.Type); ok && slices.Equal(t.Want, []string{"null"}) {
		return 1
	}
	return 0
}

func (s *Schema) misfit(leaf *jsonschema.ValidationError) *Misfit {
	m := &Misfit{Place: leaf.InstanceLocation}
	switch k := leaf.ErrorKind.(type) {
	case *kind.Required:
		m.Place, m.Found, m.Expected = append(slices.Clone(leaf.InstanceLocation), k.Missing[0]), "missing", "a value"
	case *kind.AdditionalProperties:
		m.Place, m.Found, m.Expected = append(slices.Clone(leaf.InstanceLocation), slices.Min(k.Properties)), "unknown", "no such key here"
	case *kind.FalseSchema:
		m.Found, m.Expected = "unknown", "no such key here"
	case *kind.Type:
		m.Found, m.Expected = "of type "+k.Got, strings.Join(k.Want, " or ")
	case *kind.Enum:
		m.Found, m.Expected = Shown(k.Got), "one of "+Shown(k.Want)
	case *kind.Const:
		m.Found, m.Expected = Shown(k.Got), Shown(k.Want)
	case *kind.Pattern:
		m.Found, m.Expected = Shown(k.Got), "a match of "+k.Want
	case *kind.Minimum:
		m.Found, m.Expected = decimal(k.Got), "at least "+decimal(k.Want)
	case *kind.Maximum:
		m.Found, m.Expected = decimal(k.Got), "at most "+decimal(k.Want)
	case *kind.ExclusiveMinimum:
		m.Found, m.Expected = decimal(k.Got), "more than "+decimal(k.Want)
	case *kind.MinItems:
		m.Found, m.Expected = fmt.Sprintf("a list of %d", k.Got), fmt.Sprintf("at least %d", k.Want)
	case *kind.MaxItems:
		m.Found, m.Expected = fmt.Sprintf("a list of %d", k.Got), fmt.Sprintf("at most %d", k.Want)
	case *kind.MinLength:
		m.Found, m.Expected = fmt.Sprintf("text of length %d", k.Got), fmt.Sprintf("at least %d", k.Want)
	case *kind.MaxLength:
		m.Found, m.Expected = fmt.Sprintf("text of length %d", k.Got), fmt.Sprintf("at most %d", k.Want)
	default:
		m.Found, m.Expected = "against the schema's "+strings.Join(k.KeywordPath(), "/"), "what "+s.name+" asks for"
	}
	return m
}

func decimal(number *big.Rat) string {
	value, _ := number.Float64()
	return strconv.FormatFloat(value, 'g', -1, 64)
}

// FieldPath writes a location as outputs[0].shape[2].
func FieldPath(location []string) string {
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
