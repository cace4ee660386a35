package strictjson

import (
	"strings"
	"testing"
)

const small = `{"type": "object", "required": ["a"], "properties": {
	"a": {"type": "array", "maxItems": 2, "items": {"type": "number", "exclusiveMinimum": 0}},
	"b": {"anyOf": [{"type": "object", "required": ["c"], "properties": {"c": {"type": "string", "maxLength": 3}}}, {"type": "null"}]}
}, "unevaluatedProperties": false}`

func TestTheFirstMisfitIsToldWithItsPlace(t *testing.T) {
	schema := NewSchema("small.json", []byte(small))
	for text, want := range map[string]string{
		`{"a": [1]}`:                          "",
		`[]`:                                  " is of type array, expected object",
		`{}`:                                  "a is missing, expected a value",
		`{"a": [1, 0]}`:                       "a[1] is 0, expected more than 0",
		`{"a": [1, 1, 1]}`:                    "a is a list of 3, expected at most 2",
		`{"a": [], "b": {}}`:                  "b.c is missing, expected a value",
		`{"a": [], "b": {"c": "long"}}`:       "b.c is text of length 4, expected at most 3",
		`{"a": [], "d": 1}`:                   "d is unknown, expected no such key here",
		`{"a": [], "d\n": 1}`:                 `"d\n" is unknown, expected no such key here`,
		`{"a": [-1], "d": 1}`:                 "a[0] is -1, expected more than 0", // what is unknown may follow from what is wrong
		`{"a": [-1, -2], "b": {"c": "long"}}`: "a[0] is -1, expected more than 0",
	} {
		tree, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		misfit, err := schema.Misfit(tree)
		got := ""
		if misfit != nil {
			got = misfit.Field() + " is " + misfit.Found + ", expected " + misfit.Expected
		}
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestABrokenSchemaIsAnErrorThatNamesIt(t *testing.T) {
	for _, text := range []string{`{`, `{"type": "nothing"}`} {
		if _, err := NewSchema("broken.json", []byte(text)).Misfit(nil); err == nil || !strings.Contains(err.Error(), "broken.json") {
			t.Errorf("got %v", err)
		}
	}
}
