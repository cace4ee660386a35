package onnxfile

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func good(t testing.TB) []byte {
	t.Helper()
	return fixture(t, "bundles", "good", "model.onnx")
}

func fixture(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "..", "tests", "fixtures"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// message writes one length-delimited field, and number one varint field.
func message(id uint64, parts ...[]byte) []byte {
	var body []byte
	for _, part := range parts {
		body = append(body, part...)
	}
	out := binary.AppendUvarint(nil, id<<3|wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}

func number(id, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, id<<3|wireVarint), value)
}

func TestReadsInputsAndOutputs(t *testing.T) {
	got, err := Read(good(t))
	want := Signature{
		Inputs: []Value{{Name: "x", Type: Float32, HasShape: true, Shape: []int64{Free, 3, 2}}},
		Outputs: []Value{
			{Name: "reconstruction", Type: Float32, HasShape: true, Shape: []int64{Free, 3, 2}},
			{Name: "anomaly_score", Type: Float32, HasShape: true, Shape: []int64{Free}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The file has float16 and int8 weights, com.microsoft's operators, and graphs inside the graph, with values of their own.
func TestReadsOnlyTheOuterGraphOfAMixedModel(t *testing.T) {
	got, err := Read(fixture(t, "mixed_precision.onnx"))
	want := Signature{
		Inputs: []Value{{Name: "x", Type: Float32, HasShape: true, Shape: []int64{Free, 3, 2}}},
		Outputs: []Value{
			{Name: "sums", Type: Float32, HasShape: true, Shape: []int64{Free, 3, 2}},
			{Name: "hidden", Type: Float32, HasShape: true, Shape: []int64{Free, 3}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLeavesOutInputsThatAreInitializers(t *testing.T) {
	graph := message(7, message(5, message(8, []byte("w"))), message(11, message(1, []byte("w"))), message(11, message(1, []byte("x"))))
	got, err := Read(graph)
	if err != nil || len(got.Inputs) != 1 || got.Inputs[0].Name != "x" || got.Inputs[0].HasShape || got.Inputs[0].Type != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRefusesWhatIsNoWholeModel(t *testing.T) {
	outside := [][]byte{message(8, []byte("w")), number(14, 1)}
	nested := func(attribute []byte) []byte { return message(1, message(5, attribute)) }
	deep := message(5, outside...)
	for range 33 {
		deep = nested(message(6, deep))
	}
	negative := message(7, message(11, message(2, message(1, message(2, message(1, number(1, 1<<63)))))))
	cases := map[string]struct {
		data   []byte
		reason string
	}{
		"empty":            {nil, "0 graphs"},
		"two graphs":       {append(message(7), message(7)...), "2 graphs"},
		"cut short":        {good(t)[:len(good(t))-1], "ends inside"},
		"text":             {[]byte("this is no model"), "onnxfile"},
		"negative axis":    {negative, "negative"},
		"weights outside":  {message(7, message(5, outside...)), `weight "w" lies in another file`},
		"constant outside": {message(7, nested(message(5, outside...))), `weight "w" lies in another file`},
		"one of several":   {message(7, nested(message(10, outside...))), `weight "w" lies in another file`},
		"in a loop":        {message(7, nested(message(6, message(5, outside...)))), `weight "w" lies in another file`},
		"in a branch":      {message(7, nested(message(11, nested(message(5, outside...))))), `weight "w" lies in another file`},
		"too deep":         {message(7, deep), "32 deep"},
	}
	for name, c := range cases {
		if _, err := Read(c.data); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want a reason with %q", name, err, c.reason)
		}
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add(good(f))
	f.Add(fixture(f, "mixed_precision.onnx"))
	f.Add(message(7, message(5, message(8, []byte("w")), number(14, 0))))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = Read(data) // any answer will do, as long as it is one
	})
}
