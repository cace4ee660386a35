// Package encode turns a service's own structs into the rows that models take, by the names of the columns and not by their
// places: a column that is renamed, dropped or of another type is an error when the service starts, not another number in
// production.
package encode

import (
	"fmt"
	"math"
	"reflect"
)

// Tag names a field's column: `dwcpc:"latency_p50"`. A field without it has no column.
const Tag = "dwcpc"

// Encoder writes a T as one row: a value for each of the columns that it was made for, in their order. Any number of goroutines
// may use it.
type Encoder[T any] struct {
	columns []string
	fields  []field
}

// field is where a column's value comes from.
type field struct {
	index int
	read  func(v reflect.Value) float64
	codes map[string]float64 // of a category
}

// Error says which column does not fit which field. Column is empty where it is the type itself.
type Error struct {
	Type     string
	Column   string
	Found    string
	Expected string
	Remedy   string
}

// Error names the type and the column.
func (e *Error) Error() string {
	where := e.Type
	if e.Column != "" {
		where += fmt.Sprintf(": column %q", e.Column)
	}
	return fmt.Sprintf("encode: %s: found %s, expected %s; %s", where, e.Found, e.Expected, e.Remedy)
}

// Categories are the columns of text, each with its categories in order: a text is written as its place among them.
type Categories map[string][]string

// For returns the Encoder of T, a struct, for columns, such as a bundle's input channels or a specification's raw columns.
// Every column needs one field, and every tagged field a column: anything else is an *Error that names the first difference.
// A field is a number, a bool (0 or 1), or, for a column among categories, text.
func For[T any](columns []string, categories Categories) (*Encoder[T], error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, &Error{Type: t.String(), Found: "a " + t.Kind().String(), Expected: "a struct", Remedy: "give its fields the tag " + Tag}
	}
	tagged, err := taggedFields(t)
	if err != nil {
		return nil, err
	}
	e := &Encoder[T]{columns: columns, fields: make([]field, len(columns))}
	for i, column := range columns {
		f, ok := tagged[column]
		if !ok {
			return nil, &Error{
				Type: t.String(), Column: column, Found: "no field", Expected: "one field with its tag",
				Remedy: fmt.Sprintf("add `%s:%q` to the field that holds it", Tag, column),
			}
		}
		if e.fields[i], err = fieldOf(t, f, column, categories); err != nil {
			return nil, err
		}
		delete(tagged, column)
	}
	for i := range t.NumField() { // the first in the type's order
		if column := t.Field(i).Tag.Get(Tag); column != "" && tagged[column].Name != "" {
			return nil, &Error{
				Type: t.String(), Column: column, Found: "a field", Expected: "none: it is no column, or stands twice among them",
				Remedy: "correct the tag, or remove it",
			}
		}
	}
	return e, nil
}

func taggedFields(t reflect.Type) (map[string]reflect.StructField, error) {
	tagged := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		column := f.Tag.Get(Tag)
		if column == "" {
			continue
		}
		if other, twice := tagged[column]; twice {
			return nil, &Error{
				Type: t.String(), Column: column, Found: "the fields " + other.Name + " and " + f.Name, Expected: "one",
				Remedy: "remove a tag",
			}
		}
		tagged[column] = f
	}
	return tagged, nil
}

func fieldOf(t reflect.Type, f reflect.StructField, column string, categories Categories) (field, error) {
	names, isCategory := categories[column]
	wrong := &Error{
		Type: t.String(), Column: column, Found: "the field " + f.Name + " of type " + f.Type.String(), Expected: "a number or a bool",
		Remedy: "change the field's type, or take the tag away",
	}
	if isCategory {
		if f.Type.Kind() != reflect.String {
			wrong.Expected = "text, as the column has categories"
			return field{}, wrong
		}
		codes := make(map[string]float64, len(names))
		for code, name := range names {
			codes[name] = float64(code)
		}
		return field{index: f.Index[0], codes: codes}, nil
	}
	read := reader(f.Type.Kind())
	if read == nil {
		return field{}, wrong
	}
	return field{index: f.Index[0], read: read}, nil
}

func reader(kind reflect.Kind) func(reflect.Value) float64 {
	switch {
	case kind == reflect.Bool:
		return func(v reflect.Value) float64 {
			if v.Bool() {
				return 1
			}
			return 0
		}
	case reflect.Int <= kind && kind <= reflect.Int64:
		return func(v reflect.Value) float64 { return float64(v.Int()) }
	case reflect.Uint <= kind && kind <= reflect.Uint64:
		return func(v reflect.Value) float64 { return float64(v.Uint()) }
	case kind == reflect.Float32 || kind == reflect.Float64:
		return reflect.Value.Float
	}
	return nil
}

// Columns are those of a row, in order.
func (e *Encoder[T]) Columns() []string { return append([]string(nil), e.columns...) }

// Float64 writes v into dst, which has a value for each column. Text that is no category is NaN, what features take for
// missing. It allocates nothing.
func (e *Encoder[T]) Float64(dst []float64, v *T) {
	write(e, dst, v)
}

// Float32 writes v into dst, which has a value for each column, as models take them.
func (e *Encoder[T]) Float32(dst []float32, v *T) {
	write(e, dst, v)
}

func write[T any, F float32 | float64](e *Encoder[T], dst []F, v *T) {
	if len(dst) != len(e.fields) {
		panic(fmt.Sprintf("encode: a row of %d values, expected %d", len(dst), len(e.fields)))
	}
	row := reflect.ValueOf(v).Elem()
	for i := range e.fields {
		dst[i] = F(e.fields[i].value(row))
	}
}

func (f *field) value(row reflect.Value) float64 {
	v := row.Field(f.index)
	if f.codes == nil {
		return f.read(v)
	}
	if code, known := f.codes[v.String()]; known {
		return code
	}
	return math.NaN()
}
