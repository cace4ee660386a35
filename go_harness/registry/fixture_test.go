package registry

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/features"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var (
	fixtures = filepath.Join("..", "..", "tests", "fixtures")
	goodDir  = filepath.Join(fixtures, "bundles", "good")
)

const model = "adder"

func openedRuntime(t testing.TB) *dwcpc.Runtime {
	t.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, rt)
	return rt
}

func closing(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// soaking returns how often to do something: briefly, or long where DWCPC_SOAK asks for it, as make soak does.
func soaking(briefly, long int) int {
	if os.Getenv("DWCPC_SOAK") != "" {
		return long
	}
	return briefly
}

// folder is a registry on disk.
type folder struct {
	testing.TB
	dir string
}

// published returns a registry that holds the model's versions, `latest` naming the last of them. Version X.Y adds constant(X.Y).
func published(t testing.TB, versions ...string) folder {
	t.Helper()
	f := folder{t, t.TempDir()}
	for _, version := range versions {
		f.publish(version)
	}
	return f
}

// constant is what a version of the model adds: 1.5 adds 105.
func constant(version string) float32 {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		panic(err)
	}
	return float32(100*major + minor)
}

func (f folder) model() string { return filepath.Join(f.dir, model) }

func (f folder) adding(version string) bundletest.Made {
	f.Helper()
	return bundletest.Adding(f, filepath.Join(fixtures, "add_one.onnx"), model, version, constant(version))
}

// add places a version without pointing `latest` at it, and returns its folder.
func (f folder) add(version string) string {
	f.Helper()
	return f.adding(version).Publish(f, goodDir, f.dir)
}

func (f folder) publish(version string) {
	f.Helper()
	f.add(version)
	f.point(version)
}

func (f folder) point(version string) {
	f.Helper()
	bundletest.PointLatest(f, f.model(), "v"+version)
}

// edit changes a version's metadata in place.
func (f folder) edit(version, pointer, value string) {
	f.Helper()
	e := bundletest.Edit{File: "metadata.json", Op: "set", Pointer: pointer, Value: []byte(value)}
	if err := e.Apply(filepath.Join(f.model(), "v"+version)); err != nil {
		f.Fatal(err)
	}
}

// compute makes a version say that its features are those of spec, if there is one, with golden vectors of which those features
// that are spoiled are off by their last bit.
func (f folder) compute(version, spec string, spoiled ...int) {
	f.Helper()
	if spec == "" {
		return
	}
	parsed, err := features.Parse([]byte(spec))
	if err != nil {
		f.Fatal(err)
	}
	raw, computed := make([]float64, 1+parsed.Lookback()), make([]float64, len(parsed.Features()))
	for i := range raw {
		raw[i] = float64(i) / 3
	}
	if err := features.Compile(parsed).Replay(computed, raw); err != nil {
		f.Fatal(err)
	}
	for _, i := range spoiled {
		computed[i] = math.Nextafter(computed[i], math.Inf(1))
	}
	files := map[string]string{}
	for key, array := range map[string]npy.Array[float64]{
		"raw": {Shape: []int{1, len(raw), 1}, Data: raw}, "features": {Shape: []int{1, 1, len(computed)}, Data: computed},
	} {
		data, err := npy.Encode(array)
		if err != nil {
			f.Fatal(err)
		}
		name := "golden/" + "features-" + key + ".npy"
		f.write(filepath.Join("v"+version, name), string(data))
		files[key] = fmt.Sprintf(`{"file": %q, "sha256": "%x"}`, name, sha256.Sum256(data))
	}
	f.edit(version, "/features", fmt.Sprintf(
		`{"spec": %s, "embedded": false, "timesteps": null, "golden": {"raw": %s, "features": %s}}`, spec, files["raw"], files["features"]))
}

// damage makes a version one whose model is not what its metadata says.
func (f folder) damage(version string) {
	f.Helper()
	f.write(filepath.Join("v"+version, "model.onnx"), "no model")
}

func (f folder) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.model(), name), []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
}

func (f folder) remove(name string) {
	f.Helper()
	if err := os.RemoveAll(filepath.Join(f.model(), name)); err != nil {
		f.Fatal(err)
	}
}

func (f folder) open(opts ...Option) *Registry {
	f.Helper()
	r, err := Open(openedRuntime(f), f.dir, opts...)
	if err != nil {
		f.Fatal(err)
	}
	closing(f, r)
	return r
}

func latest(t testing.TB, r *Registry) *Model {
	t.Helper()
	m, err := r.GetLatest(model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// serves checks that the handle answers with a version: its constant in each output, and its number.
func serves(t testing.TB, m *Model, version string) {
	t.Helper()
	if err := answersOf(t.Context(), m, map[string]bool{version: true}); err != nil {
		t.Error(err)
	}
}

// answersOf predicts once, and returns an error unless the whole answer is that of one of the versions, and of the one that
// PredictVersion names.
func answersOf(ctx context.Context, m *Model, versions map[string]bool) error {
	out := m.NewOutputs()
	window := []float32{1, -2, 3, 4}
	v, err := m.PredictVersion(ctx, out, window)
	if err != nil {
		return err
	}
	if !versions[v.Number()] {
		return fmt.Errorf("v%s answered, want one of %v", v.Number(), versions)
	}
	for i, y := range out[0].Float32 {
		if want := window[i] + constant(v.Number()); y != want {
			return fmt.Errorf("v%s answered %v to %v, want %v at %d", v.Number(), out[0].Float32, window, want, i)
		}
	}
	return nil
}

// predicting runs goroutines that predict until the returned function is called, which returns how many predictions there
// were; each failed prediction, and each answer that is not that of one version, is an error.
func predicting(t testing.TB, m *Model, goroutines int, versions map[string]bool) (stop func() int) {
	t.Helper()
	done := make(chan struct{})
	counts := make([]int, goroutines)
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := answersOf(context.Background(), m, versions); err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	return sync.OnceValue(func() int {
		close(done)
		group.Wait()
		total := 0
		for _, count := range counts {
			total += count
		}
		return total
	})
}

// within waits until the condition holds; it fails after ten seconds.
func within(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

// refusal returns the LoadError that err has to be.
func refusal(t testing.TB, err error) *LoadError {
	t.Helper()
	var typed *LoadError
	if !errors.As(err, &typed) {
		t.Fatalf("got %v, want a LoadError", err)
	}
	return typed
}

// copyGood publishes the good fixture, another model altogether, as a version of this one.
func (f folder) copyGood(version string) {
	f.Helper()
	dir := filepath.Join(f.model(), "v"+version)
	if err := os.CopyFS(dir, os.DirFS(goodDir)); err != nil {
		f.Fatal(err)
	}
	f.edit(version, "/name", `"`+model+`"`)
	f.edit(version, "/version", `"`+version+`"`)
	f.point(version)
}
