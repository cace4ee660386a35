package registry

import (
	"os"
	"path/filepath"
	"testing"
)

// namedModel returns the registry and the model that the environment names; without them the benchmark is skipped.
func namedModel(b *testing.B) (dir, name string) {
	b.Helper()
	dir, name = os.Getenv("DWCPC_BENCH_REGISTRY"), os.Getenv("DWCPC_BENCH_MODEL")
	if dir == "" || name == "" {
		b.Skip("DWCPC_BENCH_REGISTRY and DWCPC_BENCH_MODEL name no model")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		b.Fatal(err)
	}
	return dir, name
}
