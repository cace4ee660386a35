package dwcpc_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outside is a service in a module of its own, which Go keeps from importing anything internal.
const outside = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/metrics"
	"github.com/novacron/dwcpc/go_harness/registry"
%s)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string) error {
	rt, err := dwcpc.Open()
	if err != nil {
		return err
	}
	defer rt.Close()
	counts, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		return err
	}
	reg, err := registry.Open(rt, folder, registry.Watch(), registry.WithObserver(counts))
	if err != nil {
		return err
	}
	defer reg.Close()
	model, err := reg.GetLatest("tiny_proven")
	if err != nil {
		return err
	}
	out := model.NewOutputs()
	version, err := model.PredictVersion(context.Background(), out, []float32{0.5, -2, 9, -2.5, 0.3, -3})
	if err != nil {
		return err
	}
	anomaly, err := version.Anomaly(out)
	fmt.Println(version.Number(), anomaly)
	return err
}
`

func TestAModuleOutsideTheRepositoryImportsEveryPackageAndPredicts(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	module := t.TempDir()
	var imports strings.Builder
	for _, path := range public(t) {
		fmt.Fprintf(&imports, "\t_ %q\n", path)
	}
	own, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	// The versions are this module's own, so that none has to be looked for.
	text := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllLiteralString(string(own), "module example.com/outside") +
		"\nrequire github.com/novacron/dwcpc/go_harness v0.0.0\n\nreplace github.com/novacron/dwcpc/go_harness => " + here + "\n"
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"main.go": fmt.Sprintf(outside, imports.String()), "go.mod": text, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := command(t, module, "go", "run", "-mod=readonly", ".", published(t)); got != "1.0 true" {
		t.Errorf("got %q", got)
	}
}

// public returns the packages that a service may import.
func public(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, line := range strings.Split(command(t, ".", "go", "list", "-f", "{{.Name}} {{.ImportPath}}", "./..."), "\n") {
		name, path, _ := strings.Cut(line, " ")
		if name != "main" && !strings.Contains(path, "/internal/") {
			paths = append(paths, path)
		}
	}
	if len(paths) < 5 {
		t.Fatalf("found only %v", paths)
	}
	return paths
}

// published returns a registry with a model in it.
func published(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	model := filepath.Join(dir, "tiny_proven")
	if err := os.CopyFS(filepath.Join(model, "v1.0"), os.DirFS(filepath.Join("..", "tests", "fixtures", "bundles", "proven"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "latest"), []byte("v1.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func command(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = folder
	c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var problems strings.Builder
	c.Stderr = &problems
	text, err := c.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, problems.String())
	}
	return strings.TrimSpace(string(text))
}
