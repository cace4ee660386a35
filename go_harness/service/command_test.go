package service

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func job(t *testing.T) Retraining {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	return Retraining{Model: "bandwidth_predictor", Reason: ReasonAge, Collector: collected(t, 9, link, link)}
}

func expectNoFile(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestACommandFindsTheDataInItsEnvironment(t *testing.T) {
	r := job(t)
	out := filepath.Join(t.TempDir(), "seen")
	if err := Command("sh", "-c", `(echo "$DWCPC_MODEL $DWCPC_RETRAIN_REASON"; cat "$DWCPC_TRAINING_DATA") > "$0"`, out)(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := "bandwidth_predictor age\ntime,throughput,rtt\n2024-02-29T12:00:00Z,100,40\n2024-02-29T12:01:00Z,100,40\n"
	if string(text) != want {
		t.Errorf("got %s", text)
	}
	expectNoFile(t)
}

func TestACommandThatFailsIsQuoted(t *testing.T) {
	r := job(t)
	err := Command("sh", "-c", `yes line | head -c 100000; echo; echo "out of memory" >&2; exit 3`)(t.Context(), r)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.HasSuffix(err.Error(), "out of memory") || len(err.Error()) > maxOutput+100 {
		t.Errorf("got %v", err)
	}
	if err := Command(filepath.Join(t.TempDir(), "none"))(t.Context(), r); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	expectNoFile(t)
}

func TestACommandIsToldToEnd(t *testing.T) {
	r := job(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready := filepath.Join(t.TempDir(), "ready")
	go func() {
		for {
			if _, err := os.Stat(ready); err == nil {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	err := Command("sh", "-c", `trap 'echo cleaned up; exit 1' TERM; touch "$0"; while :; do sleep 0.01; done`, ready)(ctx, r)
	if err == nil || !strings.Contains(err.Error(), "cleaned up") {
		t.Errorf("got %v", err)
	}
	expectNoFile(t)
}
