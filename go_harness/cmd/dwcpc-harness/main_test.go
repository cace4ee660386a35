package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

// asHarness makes the test binary be the harness: what a real process prints is tested without a build.
const asHarness = "DWCPC_HARNESS_UNDER_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asHarness) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

var (
	repository = filepath.Join("..", "..", "..")
	fixtures   = filepath.Join(repository, "tests", "fixtures", "bundles")
	goodDir    = filepath.Join(fixtures, "good")
	goodInput  = "x=" + filepath.Join(goodDir, "golden", "input_x.npy")
	// A bundle with int64 outputs: label and anomaly.
	classifierDir   = filepath.Join(fixtures, "classifier")
	classifierInput = "x=" + filepath.Join(classifierDir, "golden", "input_x.npy")
	// The good bundle for one row a call.
	oneRowDir = filepath.Join(repository, "tests", "fixtures", "bundles", "one_row")
)

// answer runs a command and returns its exit code and the one object that it printed.
func answer(t *testing.T, args ...string) (int, map[string]any) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", &stderr)
	}
	return code, object(t, stdout.Bytes())
}

func object(t *testing.T, stdout []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(stdout, &value); err != nil || bytes.Count(stdout, []byte("\n")) != 1 {
		t.Fatalf("stdout is %q: %v", stdout, err)
	}
	return value
}

func expectKeys(t *testing.T, got map[string]any, want ...string) {
	t.Helper()
	keys := make([]string, 0, len(got))
	for key := range got {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("keys are %v, want %v", keys, want)
	}
}

func expectFailure(t *testing.T, code int, got map[string]any, wantCode int, kind, reason string) {
	t.Helper()
	body, _ := got["error"].(map[string]any)
	message, _ := body["message"].(string)
	if code != wantCode || body["kind"] != kind || !strings.Contains(message, reason) || strings.Contains(message, "\n") {
		t.Errorf("exit code %d and %v, want %d, %s and %q", code, got, wantCode, kind, reason)
	}
}

// copied returns the folder of a copy of the good bundle with old replaced by new in its metadata.
func copied(t *testing.T, replacements ...string) string {
	t.Helper()
	return bundletest.Copied(t, goodDir, replacements...)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestVersionNamesTheRuntime(t *testing.T) {
	code, got := answer(t, "version")
	expectKeys(t, got, "harness", "go", "onnxruntime", "library", "arch")
	if code != exitGood || got["library"] != os.Getenv("DWCPC_ORT_LIB") || got["onnxruntime"] == "" {
		t.Errorf("got %v", got)
	}
}

func TestVersionIsTheProjects(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "pyproject.toml"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("pyproject.toml is absent: this module was taken alone")
	}
	if err != nil || !strings.Contains(string(text), "\nversion = \""+version+"\"\n") {
		t.Errorf("pyproject.toml does not say %s (%v)", version, err)
	}
}

func TestCheckPassesTheGoodBundle(t *testing.T) {
	code, got := answer(t, "check", "--bundle", goodDir)
	expectKeys(t, got, "ok", "name", "version", "rows", "worst", "onnxruntime", "library")
	if code != exitGood || got["ok"] != true || got["rows"] != 10.0 {
		t.Errorf("got %v", got)
	}
	worst, _ := got["worst"].(map[string]any)
	expectKeys(t, worst, "reconstruction", "anomaly_score")
}

func TestCheckFailsWhenTheModelDoesNotReproduceTheGoldenOutputs(t *testing.T) {
	const file = "golden/output_anomaly_score.npy"
	original := filepath.Join(goodDir, filepath.FromSlash(file))
	scores, err := npy.ReadFile[float64](original, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	scores.Data[3] += 1e-5 // ten times the tolerance
	before, errBefore := os.ReadFile(original)
	after, errAfter := npy.Encode(scores)
	metadata, errMeta := os.ReadFile(filepath.Join(goodDir, "metadata.json"))
	if err := errors.Join(errBefore, errAfter, errMeta); err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Golden struct {
			SHA256 string `json:"sha256"`
			Files  []struct {
				SHA256 string `json:"sha256"`
			} `json:"files"`
		} `json:"golden"`
	}
	if err := json.Unmarshal(metadata, &meta); err != nil {
		t.Fatal(err)
	}
	var hashes string
	for _, f := range meta.Golden.Files {
		hashes += strings.ReplaceAll(f.SHA256, digest(before), digest(after))
	}
	dir := copied(t, digest(before), digest(after), meta.Golden.SHA256, digest([]byte(hashes)))
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file)), after, 0o644); err != nil {
		t.Fatal(err)
	}
	code, got := answer(t, "check", "--bundle", dir)
	expectFailure(t, code, got, exitMismatch, "golden_mismatch", "row 3 (group typical), output anomaly_score[0] is")
	expectFailure(t, code, got, exitMismatch, "golden_mismatch", "within 1e-06, apart by 9.99e-06")
}

func TestRefusesBadBundles(t *testing.T) {
	code, got := answer(t, "check", "--bundle", filepath.Join(goodDir, "absent"))
	expectFailure(t, code, got, exitInput, "bundle", "absent is not a folder")
	code, got = answer(t, "check", "--bundle", copied(t, "dwcpc.bundle/1", "dwcpc.bundle/2"))
	expectFailure(t, code, got, exitInput, "bundle", `schema is "dwcpc.bundle/2", expected major version 1`)
	code, got = answer(t, "check", "--bundle", copied(t, `"anomaly_score"`, `"score"`))
	expectFailure(t, code, got, exitInput, "bundle", `output 1 is "anomaly_score", expected "score"`)
}

func TestExitsWith2OnEveryCorruptBundle(t *testing.T) {
	for _, c := range append(bundletest.Listed(t, fixtures, "bad.json"), bundletest.Corrupt(t, fixtures)...) {
		code, got := answer(t, "check", "--bundle", bundletest.Edited(t, goodDir, c.Edits...))
		expectFailure(t, code, got, exitInput, "bundle", c.ReasonContains)
	}
}

// A golden mismatch is the verdict of check, and bad input to what opens a bundle to serve or to measure it.
func TestExitsWith1OrRefusesEveryBundleOfAnotherModel(t *testing.T) {
	proven := filepath.Join(fixtures, "proven")
	if code, got := answer(t, "check", "--bundle", proven); code != exitGood {
		t.Fatalf("got %v", got)
	}
	for _, c := range bundletest.Listed(t, fixtures, "mismatch.json") {
		dir := bundletest.Edited(t, proven, c.Edits...)
		samples := filepath.Join(t.TempDir(), "samples.npy")
		code, got := answer(t, "check", "--bundle", dir)
		expectFailure(t, code, got, exitMismatch, "golden_mismatch", "output "+c.ReasonContains)
		code, got = answer(t, "load", "--bundle", dir, "--input", goodInput, "--samples", samples)
		expectFailure(t, code, got, exitInput, "golden_mismatch", "output "+c.ReasonContains)
		code, got = answer(t, "together", "--bundle", proven, "--bundle", dir)
		expectFailure(t, code, got, exitInput, "golden_mismatch", "output "+c.ReasonContains)
		if _, err := os.Stat(samples); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: samples of a bundle that was refused: %v", c.Name, err)
		}
	}
}

func TestRefusesALibraryThatIsNone(t *testing.T) {
	for _, command := range [][]string{{"version"}, {"check", "--bundle", goodDir}} {
		code, got := answer(t, append(command, "--library", "/no/such/lib.so")...)
		expectFailure(t, code, got, exitInput, "library", "/no/such/lib.so (the library option): no such file")
	}
}

func TestRefusesBadCommandLines(t *testing.T) {
	out := t.TempDir()
	cases := []struct {
		reason string
		args   []string
	}{
		{"no command", nil},
		{`command is "serve"`, []string{"serve"}},
		{"flag provided but not defined: -verbose", []string{"version", "--verbose"}},
		{"unexpected argument", []string{"version", "now"}},
		{"help requested", []string{"check", "-h"}},
		{"--bundle is missing", []string{"check"}},
		{"--bundle is missing", []string{"run"}},
		{"--bundle is missing", []string{"bench"}},
		{"--out is missing", []string{"run", "--bundle", goodDir}},
		{"--input is missing", []string{"run", "--bundle", goodDir, "--out", out}},
		{"--samples is missing", []string{"bench", "--bundle", goodDir, "--input", goodInput}},
		{"is not NAME=FILE.npy", []string{"run", "--bundle", goodDir, "--out", out, "--input", "x.npy"}},
		{"given twice", []string{"run", "--bundle", goodDir, "--out", out, "--input", goodInput, "--input", goodInput}},
		{"--input x=FILE.npy is missing", []string{"run", "--bundle", goodDir, "--out", out, "--input", "y=a.npy"}},
		{"2 inputs are given, the model has 1", []string{"run", "--bundle", goodDir, "--out", out, "--input", goodInput, "--input", "y=a.npy"}},
		{"--batch is 0", []string{"run", "--bundle", goodDir, "--out", out, "--input", goodInput, "--batch", "0"}},
		{"--batch is 2, expected 1", []string{"run", "--bundle", oneRowDir, "--out", out, "--input", goodInput, "--batch", "2"}},
		{`invalid value "many"`, []string{"run", "--bundle", goodDir, "--out", out, "--input", goodInput, "--batch", "many"}},
		{"--calls is 0", []string{"bench", "--bundle", goodDir, "--input", goodInput, "--samples", "s.npy", "--calls", "0"}},
		{"--min-seconds is -1", []string{"bench", "--bundle", goodDir, "--input", goodInput, "--samples", "s.npy", "--min-seconds", "-1"}},
		{"--min-seconds is NaN", []string{"bench", "--bundle", goodDir, "--input", goodInput, "--samples", "s.npy", "--min-seconds", "NaN"}},
		{"--most-seconds is -1", []string{"bench", "--bundle", goodDir, "--input", goodInput, "--samples", "s.npy", "--most-seconds", "-1"}},
		{"flag provided but not defined: -most-seconds", []string{"pair", "--most-seconds", "1"}},
	}
	for _, c := range cases {
		code, got := answer(t, c.args...)
		expectFailure(t, code, got, exitInput, "usage", c.reason)
	}
}

func TestRefusesBadInputFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, array npy.Array[float32]) string {
		path := filepath.Join(dir, name)
		if err := npy.WriteFile(path, array); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, reason := range map[string]string{
		filepath.Join(dir, "absent.npy"): "no such file",
		dir:                              "not a regular file",
		filepath.Join(goodDir, "golden", "output_reconstruction.npy"):                          `dtype is "<f8"`,
		write("flat.npy", npy.Array[float32]{Shape: []int{1, 6}, Data: make([]float32, 6)}):    "shape is [1 6], expected at least one row of [3 2] for input x",
		write("none.npy", npy.Array[float32]{Shape: []int{0, 3, 2}, Data: []float32{}}):        "at least one row",
		write("scalar.npy", npy.Array[float32]{Shape: []int{}, Data: []float32{1}}):            "at least one row",
		write("wide.npy", npy.Array[float32]{Shape: []int{1, 3, 3}, Data: make([]float32, 9)}): "shape is [1 3 3]",
	} {
		code, got := answer(t, "run", "--bundle", goodDir, "--out", dir, "--input", "x="+path)
		expectFailure(t, code, got, exitInput, "input", reason)
	}
	occupied := write("occupied", npy.Array[float32]{Shape: []int{}, Data: []float32{1}})
	code, got := answer(t, "run", "--bundle", goodDir, "--out", occupied, "--input", goodInput)
	expectFailure(t, code, got, exitInput, "input", "output folder")
}

func TestRunGivesTheSameBitsInEveryBatch(t *testing.T) {
	var reference map[string][]byte
	for _, batch := range []string{"1", "3", "4", "10", "64"} {
		out := filepath.Join(t.TempDir(), "made", "by", "run")
		code, got := answer(t, "run", "--bundle", goodDir, "--input", goodInput, "--out", out, "--batch", batch)
		expectKeys(t, got, "rows", "batch", "outputs", "onnxruntime", "library")
		if code != exitGood || got["rows"] != 10.0 {
			t.Fatalf("got %v", got)
		}
		files := map[string][]byte{}
		for i, name := range []string{"reconstruction", "anomaly_score"} {
			output, _ := got["outputs"].([]any)[i].(map[string]any)
			expectKeys(t, output, "name", "file", "shape")
			path, _ := output["file"].(string)
			if output["name"] != name || path != filepath.Join(out, name+".npy") {
				t.Errorf("got %v", output)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = content
		}
		if reference == nil {
			reference = files
		}
		for name, content := range files {
			if !bytes.Equal(content, reference[name]) {
				t.Errorf("batch %s: %s differs from batch 1", batch, name)
			}
		}
	}
}

func TestBenchMeasuresABundleThatIsStillBeingMade(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measuring needs Linux")
	}
	dir := copied(t, `"parity": {`, `"parity": null, "parity_to_be": {`, `"measurements": {`, `"measurements": null, "measurements_to_be": {`)
	samples := filepath.Join(t.TempDir(), "samples.npy")
	code, got := answer(t, "bench", "--bundle", dir, "--input", goodInput, "--calls", "300", "--min-seconds", "0", "--samples", samples)
	expectKeys(t, got, "onnxruntime", "library", "load_ms", "first_call_ms", "warmup_calls", "stable", "calls", "seconds", "peak_memory_bytes", "threads", "probe_before_ms", "probe_after_ms", "others_cores")
	if code != exitGood || got["calls"] != 300.0 {
		t.Fatalf("got %v", got)
	}
	for key, least := range map[string]float64{"load_ms": 1e-3, "first_call_ms": 1e-3, "warmup_calls": 350, "peak_memory_bytes": 1 << 20, "threads": 1, "probe_before_ms": 0.1, "probe_after_ms": 0.1} {
		if value, _ := got[key].(float64); value < least {
			t.Errorf("%s is %v", key, value)
		}
	}
	array, err := npy.ReadFile[int64](samples, 1<<20)
	if err != nil || !slices.Equal(array.Shape, []int{300, 2}) {
		t.Fatalf("samples have shape %v (%v)", array.Shape, err)
	}
	for i, ns := range array.Data {
		if ns <= 0 {
			t.Fatalf("sample %d is %d ns", i, ns)
		}
	}
}

func TestReportsAPanicAsABug(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := guarded(&stdout, &stderr, func() (any, error) { panic("index out of range") })
	expectFailure(t, code, object(t, stdout.Bytes()), exitInternal, "internal", "index out of range")
	if !strings.Contains(stderr.String(), "goroutine") {
		t.Errorf("stderr is %q", &stderr)
	}
}

func TestReportsOtherFailuresAsTheRuntimes(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := guarded(&stdout, &stderr, func() (any, error) { return nil, errors.New("out of\nmemory") })
	expectFailure(t, code, object(t, stdout.Bytes()), exitInternal, "runtime", "out of memory")
}

func TestProcessPrintsOneObjectAndFindsTheLibraryBesideIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("names are Linux's")
	}
	dir := t.TempDir()
	binary, library := filepath.Join(dir, "service"), filepath.Join(dir, "libonnxruntime.so.1.32.0")
	content, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	target, err := filepath.Abs(os.Getenv("DWCPC_ORT_LIB"))
	if err := errors.Join(err, os.WriteFile(binary, content, 0o755), os.Symlink(target, library)); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(binary, "version")
	process.Env = []string{asHarness + "=1"}
	stdout, err := process.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if got := object(t, stdout); got["library"] != library {
		t.Errorf("got %v", got)
	}
	process = exec.Command(binary, "check")
	process.Env = []string{asHarness + "=1"}
	stdout, err = process.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInput {
		t.Fatalf("got %v", err)
	}
	expectFailure(t, exit.ExitCode(), object(t, stdout), exitInput, "usage", "--bundle is missing")
}
