//go:build !race

package registry

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

const (
	crowd      = 128
	crowdCalls = 16
	// extraThreads is what Go itself may add while a crowd predicts: threads that stand by for those inside the runtime.
	extraThreads = 4
	slotsEnv     = "DWCPC_TEST_CROWD_SLOTS"
)

func TestACrowdOfCallersAddsNoThreadsBeyondTheSlots(t *testing.T) {
	const slots = 2
	if grown := threadsAdded(t, slots); grown > slots+extraThreads {
		t.Errorf("%d threads more, want at most %d", grown, slots+extraThreads)
	}
}

// The bound above is one that a service breaks which lets everybody run at once.
func TestSeesThreadsThatASlotForEachCallerAdds(t *testing.T) {
	if grown := threadsAdded(t, crowd); grown <= 2+extraThreads {
		t.Errorf("%d threads more only", grown)
	}
}

// threadsAdded runs the test below in a process of its own, where no other test has left threads behind.
func threadsAdded(t *testing.T, slots int) int {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run", "^TestCrowd$", "-test.v")
	command.Env = append(os.Environ(), slotsEnv+"="+strconv.Itoa(slots))
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	_, line, found := strings.Cut(string(output), "crowd: ")
	var grown int
	if _, err := fmt.Sscanf(line, "%d threads more", &grown); !found || err != nil {
		t.Skipf("nobody counted: %s", output)
	}
	line, _, _ = strings.Cut(line, "\n")
	t.Logf("%d callers, %d slots: %s", crowd, slots, line)
	return grown
}

// A call takes long enough for Go to start a thread for another one, if that one may run.
func TestCrowd(t *testing.T) {
	slots, err := strconv.Atoi(os.Getenv(slotsEnv))
	if err != nil {
		t.Skip("the tests above run it")
	}
	f := folder{t, t.TempDir()}
	bundletest.Slow(model, "1.0").Publish(t, goodDir, f.dir)
	f.point("1.0")
	m := latest(t, f.open(WithSlots(slots)))
	before := processStatus(t, "Threads")
	took := crowded(t, m)
	t.Logf("crowd: %d threads more; half of the calls took %v, 99 %% at most %v", processStatus(t, "Threads")-before, took[len(took)/2], took[len(took)*99/100])
}

// crowded returns how long each call of a crowd took, in order.
func crowded(t *testing.T, m *Model) []time.Duration {
	t.Helper()
	all := make([][]time.Duration, crowd)
	var group sync.WaitGroup
	for i := range crowd {
		group.Go(func() {
			out, window := m.NewOutputs(), []float32{1, 2, 3, 4}
			for range crowdCalls {
				begin := time.Now()
				if err := m.Predict(context.Background(), out, window); err != nil || out[0].Float32[3] != 10 {
					t.Errorf("got %v, %v", out, err)
					return
				}
				all[i] = append(all[i], time.Since(begin))
			}
		})
	}
	group.Wait()
	took := slices.Concat(all...)
	slices.Sort(took)
	return took
}
