package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

func Example() {
	rt, err := dwcpc.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = rt.Close() }()

	dir := publishedRegistry() // dwcpc publish writes one
	defer func() { _ = os.RemoveAll(dir) }()
	reg, err := registry.Open(rt, dir, registry.Watch(), registry.WithInterval(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = reg.Close() }()

	m, err := reg.GetLatest("tiny_autoencoder")
	if err != nil {
		log.Fatal(err)
	}
	// Is the service about to feed what the model was trained on?
	if err := m.CheckChannels([]string{"latency", "jitter"}); err != nil {
		log.Fatal(err)
	}

	out := m.NewOutputs() // reused for each prediction of this goroutine
	window := []float32{0.5, -2, 9, -2.5, 0.3, -3}
	version, err := m.PredictVersion(context.Background(), out, window)
	if err != nil {
		log.Fatal(err)
	}
	anomaly, err := version.Anomaly(out) // by the threshold of the version that answered
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("v%s: anomaly %v\n", version.Number(), anomaly)
	// Output: v1.0: anomaly true
}

func ExampleModel_CheckChannels() {
	reg, _, end := opened()
	defer end()
	m, err := reg.GetLatest("tiny_autoencoder")
	if err != nil {
		log.Fatal(err)
	}
	err = m.CheckChannels([]string{"latency", "loss"})
	var difference *predictor.ChannelError
	if errors.As(err, &difference) {
		fmt.Printf("column %d is %s, the model wants %s\n", difference.Index, difference.Found, difference.Expected)
	}
	// Output: column 1 is loss, the model wants jitter
}

// Several predictions that must all be one version's.
func ExampleModel_Acquire() {
	reg, _, end := opened()
	defer end()
	m, err := reg.GetLatest("tiny_autoencoder")
	if err != nil {
		log.Fatal(err)
	}
	version, err := m.Acquire()
	if err != nil {
		log.Fatal(err)
	}
	defer version.Release()
	out := version.NewOutputs()
	score, _ := version.Output("anomaly_score")
	for _, window := range [][]float32{{0.5, -2, 0.4, -2.5, 0.3, -3}, {0.5, -2, 9, -2.5, 0.3, -3}} {
		if err := version.Predict(context.Background(), out, window); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.3g\n", out[score].Float32[0])
	}
	// Output:
	// 0.0412
	// 11.7
}

// A version that cannot be served leaves the old one serving.
func ExampleModel_Reload() {
	reg, dir, end := opened()
	defer end()
	m, err := reg.GetLatest("tiny_autoencoder")
	if err != nil {
		log.Fatal(err)
	}
	latest := filepath.Join(dir, "tiny_autoencoder", "latest")
	if err := errors.Join(os.Remove(latest), os.Symlink("v2.0", latest)); err != nil {
		log.Fatal(err)
	}
	var refused *registry.LoadError
	if errors.As(m.Reload(), &refused) {
		fmt.Printf("v%s is not served, v%s goes on; not there: %v\n", refused.Version, refused.Serving, errors.Is(refused, registry.ErrUnknown))
	}
	// Output: v2.0 is not served, v1.0 goes on; not there: true
}

func opened() (reg *registry.Registry, dir string, end func()) {
	rt, err := dwcpc.Open()
	if err != nil {
		log.Fatal(err)
	}
	dir = publishedRegistry()
	reg, err = registry.Open(rt, dir)
	if err != nil {
		log.Fatal(err)
	}
	return reg, dir, func() {
		if err := errors.Join(reg.Close(), rt.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

// publishedRegistry returns the folder of a registry with one version of one model.
func publishedRegistry() string {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		log.Fatal(err)
	}
	model := filepath.Join(dir, "tiny_autoencoder")
	err = os.CopyFS(filepath.Join(model, "v1.0"), os.DirFS("../../tests/fixtures/bundles/good"))
	if err := errors.Join(err, os.Symlink("v1.0", filepath.Join(model, "latest"))); err != nil {
		log.Fatal(err)
	}
	return dir
}
