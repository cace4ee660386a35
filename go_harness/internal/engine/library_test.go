package engine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func environ(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func paths(found []candidate) []string {
	var all []string
	for _, c := range found {
		all = append(all, c.path)
	}
	return all
}

func TestLooksInTheDocumentedOrder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("names are Linux's")
	}
	dir := t.TempDir()
	for _, name := range []string{"libonnxruntime.so.1.9.0", "libonnxruntime.so.1.32.0", "libonnxruntime.so", "libonnxruntime_providers_shared.so"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	both := map[string]string{"DWCPC_ORT_LIB": "/first", "ONNXRUNTIME_SHARED_LIBRARY_PATH": "/second"}
	second := map[string]string{"ONNXRUNTIME_SHARED_LIBRARY_PATH": "/second"}
	cases := []struct {
		name   string
		env    map[string]string
		option string
		want   []string
	}{
		{"the option before all", both, "/option", []string{"/option"}},
		{"our variable next", both, "", []string{"/first"}},
		{"the common variable next", second, "", []string{"/second"}},
		{"then the folder, then the loader", nil, "", []string{
			filepath.Join(dir, "libonnxruntime.so"), filepath.Join(dir, "libonnxruntime.so.1.32.0"), filepath.Join(dir, "libonnxruntime.so.1.9.0"),
			"libonnxruntime.so.1", "libonnxruntime.so",
		}},
	}
	for _, c := range cases {
		got := paths(place{getenv: environ(c.env), executable: filepath.Join(dir, "service")}.candidates(c.option))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// The tests below change the environment and need a process without a runtime: environment.users is 0 between tests.

func TestListsEveryPathThatItTried(t *testing.T) {
	t.Setenv("DWCPC_ORT_LIB", "")
	t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", "")
	r, err := Open("")
	if err == nil {
		closing(t, r)
		t.Skip("the system loader finds a runtime here")
	}
	var typed *LibraryError
	if !errors.As(err, &typed) || len(typed.Attempts) < 1 || typed.NeededAPI != neededAPI {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"libonnxruntime", "the system loader", "C API 24", "DWCPC_ORT_LIB"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %q", part, err)
		}
	}
}

func TestDoesNotReplaceALibraryThatWasNamed(t *testing.T) {
	good := os.Getenv("DWCPC_ORT_LIB")
	t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", good)
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]string{"/no/such/lib.so": "no such file", t.TempDir(): "not a file", text: "not a shared library"} {
		t.Setenv("DWCPC_ORT_LIB", path)
		_, err := Open("")
		var typed *LibraryError
		if !errors.As(err, &typed) || len(typed.Attempts) != 1 {
			t.Fatalf("got %v", err)
		}
		if a := typed.Attempts[0]; a.Path != path || a.From != "DWCPC_ORT_LIB" || a.Reason != reason {
			t.Errorf("got %+v, want %q", a, reason)
		}
	}
}

func TestNamesTheVersionOfALibraryThatIsTooOld(t *testing.T) {
	path, err := old(t)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	var typed *LibraryError
	if !errors.As(err, &typed) || typed.Version != "1.12.0" || !strings.Contains(err.Error(), "it is onnxruntime 1.12.0, which serves C API 12") {
		t.Errorf("got %v", err)
	}
}

// old returns a copy of the runtime library that claims to be version 1.12.0.
func old(t *testing.T) (string, error) {
	t.Helper()
	data, err := os.ReadFile(os.Getenv("DWCPC_ORT_LIB"))
	if err != nil {
		return "", err
	}
	version := regexp.MustCompile(`VERS_1\.[0-9]{2}\.[0-9]\x00`)
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1.12.0")
	return path, os.WriteFile(path, version.ReplaceAll(data, []byte("VERS_1.12.0\x00")), 0o644)
}

func TestReadsTheVersionThatTheLibraryReports(t *testing.T) {
	library := opened(t).Library()
	if library.Path != os.Getenv("DWCPC_ORT_LIB") {
		t.Errorf("loaded %q", library.Path)
	}
	version, err := probe(library.Path)
	if err != nil || (version != library.Version && runtime.GOOS == "linux") {
		t.Errorf("the file says %q (%v), the library %q", version, err, library.Version)
	}
}

func TestOneProcessHasOneLibrary(t *testing.T) {
	first := opened(t)
	if opened(t).Library() != first.Library() {
		t.Error("two libraries")
	}
	link := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.Symlink(first.Library().Path, link); err != nil {
		t.Fatal(err)
	}
	if same, err := Open(link); err != nil {
		t.Error(err)
	} else {
		closing(t, same)
	}
	_, err := Open("/another/libonnxruntime.so")
	var typed *LibraryError
	if !errors.As(err, &typed) || !strings.Contains(err.Error(), "already runs onnxruntime") {
		t.Errorf("got %v", err)
	}
}

func TestOpensAndClosesFromManyGoroutines(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				r, err := Open("")
				if err != nil {
					t.Error(err)
					return
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestNeedsTheAPIThatTheBindingWasCompiledFor(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "#define ORT_API_VERSION " + strconv.Itoa(neededAPI); !strings.Contains(string(header), want+"\n") {
		t.Errorf("the binding's header does not say %q", want)
	}
}
