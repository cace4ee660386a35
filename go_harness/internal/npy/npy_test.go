package npy

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file builds an .npy file from a header text that may be wrong.
func file(version byte, text string, body []byte) []byte {
	data := append([]byte(magic), version, 0)
	n := len(text)
	data = append(data, byte(n), byte(n>>8))
	if version == 2 {
		data = append(data, byte(n>>16), byte(n>>24))
	}
	return append(append(data, text...), body...)
}

func TestWritesWhatItReads(t *testing.T) {
	roundTrip(t, Array[float32]{Shape: []int{2, 3}, Data: []float32{1, -0.5, float32(math.Inf(1)), 0, 1e-45, 3}})
	roundTrip(t, Array[float64]{Shape: []int{2}, Data: []float64{math.Pi, math.Copysign(0, -1)}})
	roundTrip(t, Array[int64]{Shape: []int{1, 2}, Data: []int64{math.MinInt64, 7}})
	roundTrip(t, Array[int64]{Shape: []int{}, Data: []int64{9}})
	roundTrip(t, Array[float32]{Shape: []int{0, 4}, Data: []float32{}})
}

func roundTrip[T Element](t *testing.T, want Array[T]) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := WriteFile(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile[T](path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Data, want.Data) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWritesTheBytesThatNumPyWrites(t *testing.T) {
	for _, name := range []string{"input_x", "output_reconstruction", "output_anomaly_score"} {
		want, err := os.ReadFile(filepath.Join("..", "..", "..", "tests", "fixtures", "bundles", "good", "golden", name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		if strings.HasPrefix(name, "input") {
			got = reencode[float32](t, want)
		} else {
			got = reencode[float64](t, want)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: bytes differ from NumPy's:\n%q\n%q", name, got[:128], want[:128])
		}
	}
}

func reencode[T Element](t *testing.T, data []byte) []byte {
	t.Helper()
	array, err := Decode[T](data)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Encode(array)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadsVersion2(t *testing.T) {
	data := file(2, "{'shape': (1,), 'fortran_order': False, 'descr': '<f4'}\n", []byte{0, 0, 128, 63})
	got, err := Decode[float32](data)
	if err != nil || !slices.Equal(got.Data, []float32{1}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRefusesMalformedFiles(t *testing.T) {
	const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"
	four := make([]byte, 4)
	cases := map[string]struct {
		data   []byte
		reason string
	}{
		"empty file":            {nil, "first bytes"},
		"other magic":           {[]byte("PK\x03\x04 a zip archive"), "first bytes"},
		"unknown version":       {file(3, good, four), "version is 3.0"},
		"no header length":      {[]byte(magic + "\x01\x00\x10"), "header length"},
		"truncated header":      {file(1, good, nil)[:30], "ends inside its header"},
		"wide header":           {append([]byte(magic), 2, 0, 255, 255, 255, 255), "claims 4294967295"},
		"header not a dict":     {file(1, "[1, 2]\n", four), "expected '{'"},
		"unclosed dict":         {file(1, "{'descr': '<f4', ", four), "expected a quoted string"},
		"unclosed string":       {file(1, "{'descr", four), "quoted string"},
		"key twice":             {file(1, "{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", four), "twice"},
		"key unknown":           {file(1, "{'descr': '<f4', 'order': 'C', 'shape': (1,)}", four), `names "order"`},
		"key missing":           {file(1, "{'descr': '<f4', 'shape': (1,)}", four), "expected the keys"},
		"text after the dict":   {file(1, good[:len(good)-1]+" + 1\n", four), "header's end"},
		"other dtype":           {file(1, strings.Replace(good, "<f4", "<f8", 1), four), `dtype is "<f8"`},
		"big endian":            {file(1, strings.Replace(good, "<f4", ">f4", 1), four), `dtype is ">f4"`},
		"objects":               {file(1, strings.Replace(good, "<f4", "|O", 1), four), `dtype is "|O"`},
		"fortran order":         {file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", four), "Fortran"},
		"fortran not a boolean": {file(1, "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", four), "True or False"},
		"negative axis":         {file(1, strings.Replace(good, "(1,)", "(-1,)", 1), four), "length of an axis"},
		"shape not a tuple":     {file(1, strings.Replace(good, "(1,)", "1", 1), four), "tuple"},
		"axis beyond int":       {file(1, strings.Replace(good, "(1,)", "(99999999999999999999,)", 1), four), "length of an axis"},
		"product beyond int":    {file(1, strings.Replace(good, "(1,)", "(4294967296, 4294967296)", 1), four), "more values than memory"},
		"too many axes":         {file(1, strings.Replace(good, "(1,)", "("+strings.Repeat("1,", 65)+")", 1), four), "more than 64 axes"},
		"huge claim":            {file(1, strings.Replace(good, "(1,)", "(1000000000000,)", 1), four), "needs 1000000000000"},
		"bytes missing":         {file(1, good, four[:3]), "needs 1 values of 4 bytes"},
		"bytes left over":       {file(1, good, make([]byte, 8)), "needs 1 values of 4 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Decode[float32](c.data)
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want a reason with %q", err, c.reason)
			}
		})
	}
}

func TestRefusesFilesOverTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := WriteFile(path, Array[float32]{Shape: []int{4}, Data: make([]float32, 4)}); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile[float32](path, 143); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile[float32](path, 144); err != nil {
		t.Error(err)
	}
}

func TestRefusesToWriteAShapeThatDoesNotFit(t *testing.T) {
	for _, shape := range [][]int{{3}, {-1}, {1 << 40, 1 << 40}, make([]int, 65)} {
		if _, err := Encode(Array[int64]{Shape: shape, Data: []int64{1}}); err == nil {
			t.Errorf("%v was written", shape)
		}
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", make([]byte, 4)))
	f.Add(file(2, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 3), }\n", nil))
	f.Add(file(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (), }\n", make([]byte, 8)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkDecoded[float32](t, data)
		checkDecoded[float64](t, data)
		checkDecoded[int64](t, data)
	})
}

func checkDecoded[T Element](t *testing.T, data []byte) {
	array, err := Decode[T](data)
	if err != nil {
		return
	}
	if n := len(array.Data) * itemBytes[T](); n > len(data) {
		t.Fatalf("%d bytes came out of %d", n, len(data))
	}
	out, err := Encode(array)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode[T](out)
	if err != nil || !slices.Equal(again.Shape, array.Shape) || len(again.Data) != len(array.Data) {
		t.Fatalf("second reading differs: %v, %v", again, err)
	}
}
