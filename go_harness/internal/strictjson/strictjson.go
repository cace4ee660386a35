// Package strictjson reads JSON that every parser reads alike, and holds it against a JSON Schema. Files are data from outside:
// what is wrong with one is told as the parts of a sentence, which the caller makes its own error of. Python's readers are
// compiler/strict_json.py and compiler/json_schema.py.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds nesting; the contract needs six levels, feature specifications a few more.
const MaxDepth = 64

// Parse reads one JSON text into the values that the schema validator takes. Beyond encoding/json it refuses what two
// parsers could read differently: text that is no UTF-8, a key that occurs twice or in two cases (encoding/json matches
// keys without regard to case), and numbers that float64 cannot hold.
func Parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8 text")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, syntaxError(err, data)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return parsedValue(decoder, MaxDepth)
}

// syntaxError adds what stands at the error's place, so that NaN is named as such.
func syntaxError(err error, data []byte) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("not JSON (%w)", err)
	}
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		return fmt.Errorf("cut short (%w)", err)
	}
	// The offset is behind the character that does not fit, the second one of -Infinity.
	start := int(max(syntax.Offset-1, 0))
	word := data[start:]
	if end := bytes.IndexAny(word, ",]} \r\n\t"); end > 0 {
		word = word[:end]
	}
	return fmt.Errorf("not JSON from %s at byte %d (%w)", Shown(string(word)), start, err)
}

func parsedValue(decoder *json.Decoder, depth int) (any, error) {
	if depth == 0 {
		return nil, fmt.Errorf("nested deeper than %d levels", MaxDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return parsedObject(decoder, depth-1)
		}
		return parsedArray(decoder, depth-1)
	case json.Number:
		return parsedNumber(v)
	default:
		return v, nil
	}
}

func parsedObject(decoder *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	folded := map[string]string{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the decoder admits nothing else
		fold := strings.ToLower(strings.ToUpper(key))
		if other, ok := folded[fold]; ok && other == key {
			return nil, fmt.Errorf("ambiguous (the key %s occurs twice in one object)", Shown(key))
		} else if ok {
			return nil, fmt.Errorf("ambiguous (the keys %s and %s differ in case only)", Shown(other), Shown(key))
		}
		folded[fold] = key
		if object[key], err = parsedValue(decoder, depth); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return object, err
}

func parsedArray(decoder *json.Decoder, depth int) (any, error) {
	array := []any{}
	for decoder.More() {
		value, err := parsedValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := decoder.Token()
	return array, err
}

// parsedNumber returns an int64 or a finite float64. The validator computes with big.Rat: a literal such as 1e999999999
// must not get there.
func parsedNumber(number json.Number) (any, error) {
	if whole, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return whole, nil
	}
	value, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || math.IsInf(value, 0) {
		return nil, fmt.Errorf("unreadable (the number %.40s is out of range)", number)
	}
	return value, nil
}
