package encode

import (
	"errors"
	"math"
	"strings"
	"testing"
)

type sample struct {
	Latency float64 `dwcpc:"latency_ms"`
	Errors  int     `dwcpc:"errors"`
	Note    string  // no column
	Up      bool    `dwcpc:"up"`
	Mode    string  `dwcpc:"mode"`
	Ratio   float32 `dwcpc:"ratio"`
	Bytes   uint64  `dwcpc:"bytes"`
}

var (
	columns    = []string{"errors", "latency_ms", "mode", "up", "bytes", "ratio"}
	categories = Categories{"mode": {"fallback", "standard"}}
)

func TestARowHasTheColumnsOrderAndNotTheStructs(t *testing.T) {
	e, err := For[sample](columns, categories)
	if err != nil {
		t.Fatal(err)
	}
	v := sample{Latency: 0.1, Errors: -3, Up: true, Mode: "standard", Ratio: 0.5, Bytes: 1 << 40}
	wide, narrow := make([]float64, 6), make([]float32, 6)
	e.Float64(wide, &v)
	e.Float32(narrow, &v)
	for i, want := range []float64{-3, 0.1, 1, 1, 1 << 40, 0.5} {
		if wide[i] != want || narrow[i] != float32(want) {
			t.Errorf("%s is %v and %v, want %v", columns[i], wide[i], narrow[i], want)
		}
	}
	v.Mode, v.Up = "turbo", false
	e.Float64(wide, &v)
	if !math.IsNaN(wide[2]) || wide[3] != 0 {
		t.Errorf("an unknown category is %v, want NaN; a false %v, want 0", wide[2], wide[3])
	}
	if n := testing.AllocsPerRun(100, func() { e.Float32(narrow, &v) }); n != 0 {
		t.Errorf("a row allocates %v times", n)
	}
}

func TestWhatDoesNotFitIsRefusedByTheFirstColumnThatDiffers(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"a column without a field":   {made[sample](append([]string{"queue"}, columns...)), []string{"sample", `"queue"`, "no field"}},
		"a field without a column":   {made[sample](columns[1:]), []string{"sample", `"errors"`, "no column"}},
		"a column that stands twice": {made[sample](append(columns, "errors")), []string{"sample", `"errors"`, "no field"}},
		"text without categories": {made[struct {
			A string `dwcpc:"a"`
		}]([]string{"a"}), []string{`"a"`, "string", "a number"}},
		"a category that is a number": {made[struct {
			Mode int `dwcpc:"mode"`
		}]([]string{"mode"}), []string{`"mode"`, "int", "text"}},
		"two fields of one column": {made[struct {
			A int `dwcpc:"a"`
			B int `dwcpc:"a"`
		}]([]string{"a"}), []string{`"a"`, "A and B", "one"}},
		"no struct": {made[int](columns), []string{"int", "a struct"}},
	} {
		var refused *Error
		if !errors.As(c.err, &refused) {
			t.Errorf("%s: %v", name, c.err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(refused.Error(), want) {
				t.Errorf("%s: %q names no %q", name, refused, want)
			}
		}
	}
}

func made[T any](columns []string) error {
	_, err := For[T](columns, categories)
	return err
}

func BenchmarkFloat32(b *testing.B) {
	e, err := For[sample](columns, categories)
	if err != nil {
		b.Fatal(err)
	}
	row, v := make([]float32, 6), sample{Mode: "standard"}
	b.ReportAllocs()
	for b.Loop() {
		e.Float32(row, &v)
	}
}
