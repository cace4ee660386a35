package bundle_test

import (
	"fmt"
	"log"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

func ExampleOpen() {
	b, err := bundle.Open("../../tests/fixtures/bundles/good")
	if err != nil {
		log.Fatal(err)
	}
	input := b.Metadata.Inputs[0]
	fmt.Println(b.Metadata.Name, b.Metadata.Version, input.Shape, input.Channels)
	// Output: tiny_autoencoder 1.0 [3 2] [latency jitter]
}

// Which folders of a model hold a version.
func ExampleParseVersionFolder() {
	for _, name := range []string{"v1.10", ".v1.11-0123abcd", "latest"} {
		version, ok := bundle.ParseVersionFolder(name)
		fmt.Println(version, ok)
	}
	// Output:
	// 1.10 true
	// 0.0 false
	// 0.0 false
}
