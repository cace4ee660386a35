// What a process holds and what a call costs are not what they are in service under the race detector: make soak runs these.

//go:build !race

package registry

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/internal/memory"
)

const (
	reloadedTrees = 300 // a file of 20 MB
	// maxGrowthBytes is what resident memory may grow by in 50 reloads.
	maxGrowthBytes = 30 << 20
)

// residentBytes returns the process's resident memory.
func residentBytes(t *testing.T) int {
	t.Helper()
	return processStatus(t, "VmRSS") << 10
}

// processStatus returns a number of /proc/self/status.
func processStatus(t *testing.T, key string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("only Linux says so: %v", err)
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); string(fields[0]) == key+":" {
			n, err := strconv.Atoi(string(fields[1]))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s", key)
	return 0
}

// reloading is a registry of one large model in two versions.
type reloading struct {
	folder
	log      *recorder
	registry *Registry
	version  int
}

func reloadedForest(t *testing.T) *reloading {
	t.Helper()
	if !memory.Trim() {
		t.Skip("the C library returns no memory on demand")
	}
	l := &reloading{folder: folder{t, t.TempDir()}, log: &recorder{}}
	for _, version := range []string{"1.0", "1.1"} {
		made := bundletest.Forest("forest", version, reloadedTrees, constant(version))
		t.Logf("v%s has %.1f MB", version, float64(len(made.Model))/1e6)
		made.Publish(t, goodDir, l.dir)
	}
	l.registry = l.open(WithObserver(l.log))
	return l
}

// reload loads the other version of the two.
func (l *reloading) reload() {
	l.Helper()
	bundletest.PointLatest(l, filepath.Join(l.dir, "forest"), fmt.Sprintf("v1.%d", l.version))
	l.version = 1 - l.version
	if err := l.registry.Reload("forest"); err != nil {
		l.Fatal(err)
	}
}

// settled waits until all is unloaded and given back but what serves, and returns the resident memory. What Go's heap keeps for
// a while, 35 MB here, is not what this is about.
func (l *reloading) settled(t *testing.T) int {
	t.Helper()
	within(t, "the old version is retired", func() bool { return len(l.log.of(Retired)) == len(l.log.of(Loaded))-1 })
	time.Sleep(5 * reclaimInterval)
	debug.FreeOSMemory()
	return residentBytes(t)
}

func TestReloadingALargeModelTakesNoMoreMemory(t *testing.T) {
	l := reloadedForest(t)
	for range 3 {
		l.reload() // what the first reloads add, every process has once
	}
	before, worst, reloads := l.settled(t), 0, soaking(6, 50)
	for range reloads {
		l.reload()
		worst = max(worst, residentBytes(t))
	}
	after := l.settled(t)
	t.Logf("resident: %.1f MB before, %.1f MB after %d reloads, %.1f MB at most in between", float64(before)/1e6, float64(after)/1e6, reloads, float64(worst)/1e6)
	if grown := after - before; grown > maxGrowthBytes {
		t.Errorf("grew by %.1f MB, want at most %.1f MB", float64(grown)/1e6, float64(maxGrowthBytes)/1e6)
	}
}

// The bound above is one that a registry breaks at once which leaves the memory to the C library.
func TestSeesMemoryThatIsNotGivenBack(t *testing.T) {
	l := reloadedForest(t)
	l.registry.reclaim.trim = func() bool { return false }
	l.reload()
	before := l.settled(t)
	for range 2 {
		l.reload()
	}
	if grown := l.settled(t) - before; grown < maxGrowthBytes {
		t.Errorf("grew by %.1f MB only", float64(grown)/1e6)
	}
}
