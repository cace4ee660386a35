package dwcpc_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	dwcpc "github.com/novacron/dwcpc/go_harness"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestOpensOftenAndFromManyGoroutines(t *testing.T) {
	first, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			rt, err := dwcpc.Open(dwcpc.WithLibrary(first.Library().Path))
			if err != nil {
				t.Error(err)
				return
			}
			if rt.Library() != first.Library() {
				t.Errorf("got %v, want %v", rt.Library(), first.Library())
			}
			if err := errors.Join(rt.Close(), rt.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
}

// The process has no runtime yet: sixteen goroutines meet at loading it, and another time at failing to.
func TestOpensOnceForSixteenGoroutinesAtOnce(t *testing.T) {
	for _, missing := range []bool{false, true, false} {
		var options []dwcpc.Option
		if missing {
			options = append(options, dwcpc.WithLibrary("/no/such/lib.so"))
		}
		runtimes, failures := openedAtOnce(16, options...)
		for _, err := range failures {
			var typed *dwcpc.LibraryError
			if !errors.As(err, &typed) || len(typed.Attempts) != 1 || typed.Attempts[0].Reason != "no such file" {
				t.Errorf("got %v", err)
			}
		}
		if want := map[bool]int{false: 16, true: 0}[missing]; len(runtimes) != want {
			t.Errorf("%d were opened, want %d", len(runtimes), want)
		}
		for _, rt := range runtimes {
			if rt.Library() != runtimes[0].Library() {
				t.Errorf("got %v, want %v", rt.Library(), runtimes[0].Library())
			}
			if err := rt.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// openedAtOnce opens from n goroutines that start together.
func openedAtOnce(n int, options ...dwcpc.Option) (runtimes []*dwcpc.Runtime, failures []error) {
	begin := make(chan struct{})
	var mu sync.Mutex
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			<-begin
			rt, err := dwcpc.Open(options...)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
				return
			}
			runtimes = append(runtimes, rt)
		})
	}
	close(begin)
	group.Wait()
	return runtimes, failures
}

func TestDoesNotReplaceALibraryThatWasNamed(t *testing.T) {
	_, err := dwcpc.Open(dwcpc.WithLibrary("/no/such/lib.so"))
	var typed *dwcpc.LibraryError
	if !errors.As(err, &typed) || len(typed.Attempts) != 1 || typed.Attempts[0].Path != "/no/such/lib.so" {
		t.Errorf("got %v", err)
	}
}

// outside is a service's module: go.mod and main.go.
const (
	outsideModule = `module example.org/service

go 1.25.0

require github.com/novacron/dwcpc/go_harness v0.0.0

replace github.com/novacron/dwcpc/go_harness => `
	outsideMain = `package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(dir string) error {
	rt, err := dwcpc.Open()
	if err != nil {
		return err
	}
	defer rt.Close()
	var broken *bundle.Error
	if _, err := predictor.Open(rt, os.TempDir()); !errors.As(err, &broken) {
		return fmt.Errorf("an empty folder: %w", err)
	}
	reg, err := registry.Open(rt, filepath.Dir(dir), registry.Watch())
	if err != nil {
		return err
	}
	defer reg.Close()
	if _, err := reg.GetLatest("no-such-model"); !errors.Is(err, registry.ErrUnknown) {
		return fmt.Errorf("a model that is not there: %w", err)
	}
	p, err := predictor.Open(rt, dir, predictor.WithSlots(1))
	if err != nil {
		return err
	}
	defer p.Close()
	out := p.NewOutputs()
	if err := p.Predict(context.Background(), out, []float32{0.5, -2, 9, -2.5, 0.3, -3}); err != nil {
		return err
	}
	anomaly, err := p.Anomaly(out)
	fmt.Printf("%s %.3g %v\n", p.Bundle().Metadata.Name, out[1].Float32[0], anomaly)
	return err
}
`
)

func TestAModuleOutsideTheRepositoryPredicts(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	service := t.TempDir()
	for name, content := range map[string]string{"go.mod": outsideModule + here + "\n", "go.sum": string(sums), "main.go": outsideMain} {
		if err := os.WriteFile(filepath.Join(service, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Every module that it needs was needed to build this test: nothing is left to be downloaded.
	command := exec.Command("go", "run", ".", filepath.Join(here, "..", "tests", "fixtures", "bundles", "good"))
	command.Dir = service
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOTOOLCHAIN=local")
	output, err := command.CombinedOutput()
	if got := strings.TrimSpace(string(output)); err != nil || got != "tiny_autoencoder 11.7 true" {
		t.Errorf("got %q (%v)", got, err)
	}
}
