package registry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestAFailingVersionLeavesTheOldOneServing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(folder)
		cause any
		text  string
	}{
		"schema": {func(f folder) { f.edit("1.1", "/schema", `"dwcpc.bundle/2"`) }, new(*bundle.Error), "expected major version 1"},
		"hash":   {func(f folder) { f.damage("1.1") }, new(*bundle.Error), "model.onnx is 8 bytes long"},
		"signature": {func(f folder) {
			f.swapModel("1.1", func(model []byte) []byte { return bytes.ReplaceAll(model, []byte("y"), []byte("z")) })
		}, new(*predictor.SignatureError), `output 0 is "z", expected "y"`},
		"contract":       {func(f folder) { f.edit("1.1", "/outputs/0/units", `["ms", "ms", "ms", "%"]`) }, new(*ContractError), "outputs[0].units is"},
		"golden":         {func(f folder) { f.swapModel("1.1", f.modelOf("1.0")) }, new(*predictor.Mismatch), "does not reproduce the model"},
		"no metadata":    {func(f folder) { f.remove("v1.1/metadata.json") }, new(*bundle.Error), "metadata.json is missing"},
		"no version":     {func(f folder) { f.remove("v1.1") }, nil, "v1.1 is not in the registry"},
		"no latest":      {func(f folder) { f.remove("latest") }, new(*bundle.Error), "latest is missing"},
		"no model":       {func(f folder) { f.remove("") }, nil, "adder is not in the registry"},
		"another folder": {func(f folder) { f.remove("latest"); f.write("latest", "../other/v1.0") }, new(*bundle.Error), "latest is naming"},
	} {
		t.Run(name, func(t *testing.T) {
			f := published(t, "1.0", "1.1")
			f.point("1.0")
			log := &recorder{}
			m := latest(t, f.open(WithObserver(log)))
			f.point("1.1")
			c.spoil(f)
			typed := refusal(t, m.Reload())
			if c.cause == nil && !errors.Is(typed, ErrUnknown) || c.cause != nil && !errors.As(typed, c.cause) {
				t.Errorf("got %T", typed.Err)
			}
			if !strings.Contains(typed.Error(), c.text) || !strings.Contains(typed.Error(), "v1.0 goes on") {
				t.Errorf("got %v", typed)
			}
			if status := m.Status(); status.Failures != 1 || status.Failure != error(typed) || status.Version != "1.0" {
				t.Errorf("got %+v", status)
			}
			if failed := log.of(Failed); len(failed) != 1 || failed[0].Err != error(typed) || failed[0].Repeated {
				t.Errorf("got %+v", failed)
			}
			serves(t, m, "1.0")
		})
	}
}

// swapModel gives a version another model, with the hash to fit.
func (f folder) swapModel(version string, change func(model []byte) []byte) {
	f.Helper()
	made := f.adding(version)
	made.Model = change(made.Model)
	f.remove("v" + version)
	made.Publish(f, goodDir, f.dir)
}

func (f folder) modelOf(version string) func([]byte) []byte {
	return func([]byte) []byte { return f.adding(version).Model }
}

func TestAVersionThatIsMendedServes(t *testing.T) {
	f := published(t, "1.0", "1.1")
	f.point("1.0")
	m := latest(t, f.open())
	f.swapModel("1.1", f.modelOf("1.0"))
	f.point("1.1")
	expectReload(t, m, "1.0", false)
	f.swapModel("1.1", f.modelOf("1.1"))
	expectReload(t, m, "1.1", true)
	if status := m.Status(); status.Failure != nil || status.Failures != 1 || status.Swaps != 1 {
		t.Errorf("got %+v", status)
	}
}

// What `dwcpc compile --force` does: the same number, other bytes.
func TestAVersionThatIsReplacedInPlaceServes(t *testing.T) {
	f := published(t, "1.0")
	m := latest(t, f.open())
	v := m.Version()
	if err := m.Reload(); err != nil || m.Version() != v {
		t.Errorf("loaded again though nothing changed (%v)", err)
	}
	f.edit("1.0", "/created", `"2024-03-01T12:00:00Z"`)
	expectReload(t, m, "1.0", true)
	if m.Version() == v {
		t.Error("the old one serves")
	}
}

func TestLogsEachReasonOnce(t *testing.T) {
	f := published(t, "1.0", "1.1", "1.2")
	f.point("1.0")
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&text, nil))
	log := &recorder{}
	m := latest(t, f.open(WithLogger(logger), WithObserver(log)))
	f.damage("1.1")
	f.damage("1.2")
	for range 3 {
		for _, version := range []string{"1.1", "1.1", "1.2"} {
			f.point(version)
			_ = m.Reload()
		}
	}
	f.point("1.0")
	expectReload(t, m, "1.0", true)
	var repeated []bool
	for _, event := range log.of(Failed) {
		repeated = append(repeated, event.Repeated)
	}
	if got := strings.Count(text.String(), "level=WARN"); got != 6 || len(repeated) != 9 || !repeated[1] || repeated[2] || repeated[3] {
		t.Errorf("%d warnings for %v:\n%s", got, repeated, text.String())
	}
	if got := strings.Count(text.String(), `level=INFO msg="model version served" model=adder version=1.0`); got != 1 {
		t.Errorf("the log does not say what serves:\n%s", text.String())
	}
}

func TestDoesNotTryAFailedVersionAtEveryLook(t *testing.T) {
	f := published(t, "1.0", "1.1")
	f.point("1.0")
	m := latest(t, f.open(WithInterval(time.Hour)))
	f.damage("1.1")
	f.point("1.1")
	for range 5 {
		if err := m.follow(false); err == nil {
			t.Fatal("served")
		}
	}
	if got := m.Status().Failures; got != 1 {
		t.Errorf("tried %d times, want 1", got)
	}
	if err := m.Reload(); err == nil || m.Status().Failures != 2 {
		t.Errorf("%d failures, want another one for who asks (%v)", m.Status().Failures, err)
	}
	f.write("v1.1/model.onnx", "another")
	if err := m.follow(false); err == nil || m.Status().Failures != 3 {
		t.Errorf("%d failures, want another one as the files changed (%v)", m.Status().Failures, err)
	}
}

func TestTriesAFailedVersionMoreAndMoreRarely(t *testing.T) {
	var f failure
	cause := errors.New("full")
	for _, want := range []time.Duration{2, 4, 8, 16, 32, 64, 64} {
		f = f.again("state", cause, time.Second)
		if wait := time.Until(f.next).Round(time.Second); wait != want*time.Second {
			t.Errorf("waits %v, want %v s", wait, want)
		}
		if !f.holds("state", time.Now()) || f.holds("another", time.Now()) || f.holds("state", f.next) {
			t.Error("the wait is not what decides")
		}
	}
	if f = f.again("another", cause, time.Second); f.tries != 1 {
		t.Errorf("%d tries at a new state", f.tries)
	}
}
