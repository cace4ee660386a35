package strictjson

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadsEveryKindOfValue(t *testing.T) {
	got, err := Parse([]byte(`{"a": [1, -2.5, 1e3, "x", true, null], "b": {}}`))
	want := map[string]any{"a": []any{int64(1), -2.5, 1000.0, "x", true, nil}, "b": map[string]any{}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusesWhatTwoParsersCouldReadDifferently(t *testing.T) {
	cases := map[string]string{
		``:                          "cut short",
		`{"a": 1`:                   "cut short",
		`{"a": }`:                   "not JSON",
		`{"a": NaN}`:                "NaN",
		`{"a": -Infinity}`:          "Infinity",
		`{"a": 1e400}`:              "1e400",
		`{"a": 1e999999999}`:        "1e999999999",
		`{"a": 1} {}`:               "after top-level value",
		`{"a": 1} x`:                "after top-level value",
		`{"a": 1, "a": 1}`:          "twice",
		`{"b": {"a": 1, "A": 1}}`:   "case only",
		"{\"k\": 1, \"\u212a\": 1}": "case only", // the Kelvin sign, which encoding/json takes for k
		"{\"a\": \"\xff\"}":         "UTF-8",
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1):           "nested",
		strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1): "nested",
	}
	for text, reason := range cases {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.40s: got %v, want a reason with %q", text, err, reason)
		}
	}
}
