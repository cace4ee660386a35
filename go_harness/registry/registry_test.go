package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func TestServesWhatLatestNames(t *testing.T) {
	f := published(t, "1.0", "1.1")
	f.add("2.0")
	m := latest(t, f.open())
	serves(t, m, "1.1")
	if v := m.Version(); v.Number() != "1.1" || v.Model() != model || m.Name() != model || m.Bundle() != v.Bundle() {
		t.Errorf("got %s %s", v.Model(), v.Number())
	}
	if i, ok := m.Output("y"); i != 0 || !ok {
		t.Errorf("y is output %d (%v)", i, ok)
	}
}

func TestReadsLatestAsATextFileToo(t *testing.T) {
	f := published(t, "1.0", "1.1")
	f.remove("latest")
	f.write("latest", "v1.0\n")
	serves(t, latest(t, f.open()), "1.0")
}

func TestGivesEverybodyTheSameHandle(t *testing.T) {
	r := published(t, "1.0").open()
	handles := make([]*Model, 16)
	var group sync.WaitGroup
	for i := range handles {
		group.Go(func() { handles[i] = latest(t, r) })
	}
	group.Wait()
	for _, m := range handles {
		if m != handles[0] {
			t.Error("two handles on one model")
		}
	}
	if status := handles[0].Status(); status.Version != "1.0" || status.Swaps != 0 || time.Since(status.Since) > time.Minute {
		t.Errorf("got %+v", status)
	}
}

func TestSaysHowEachModelIs(t *testing.T) {
	f := published(t, "1.0", "1.1")
	r := f.open()
	if all := r.Status(); len(all) != 0 {
		t.Errorf("got %+v", all)
	}
	m := latest(t, r)
	if _, err := r.Get(model, "1.0"); err != nil {
		t.Fatal(err)
	}
	f.remove("latest")
	failure := m.Reload()
	all := r.Status()
	if len(all) != 1 || all[0].Model != model || all[0].Version != "1.1" || all[0].Failures != 1 || all[0].Failure != failure {
		t.Errorf("got %+v", all)
	}
}

func TestGivesAHandleOnOneVersionForEver(t *testing.T) {
	f := published(t, "1.0", "1.1")
	r := f.open()
	old, err := r.Get(model, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Reload(); err != nil {
		t.Error(err)
	}
	serves(t, old, "1.0")
	serves(t, latest(t, r), "1.1")
	if again, err := r.Get(model, "1.0"); again != old || err != nil {
		t.Errorf("another handle on the same version (%v)", err)
	}
}

func TestLoadsAVersionOnceForAllItsHandles(t *testing.T) {
	f := published(t, "1.0")
	log := &recorder{}
	r := f.open(WithObserver(log))
	fixed, err := r.Get(model, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	m := latest(t, r)
	if m.Version() != fixed.Version() {
		t.Error("loaded twice")
	}
	f.publish("1.1")
	if err := m.Reload(); err != nil {
		t.Fatal(err)
	}
	serves(t, fixed, "1.0")
	f.point("1.0")
	if err := m.Reload(); err != nil {
		t.Fatal(err)
	}
	if m.Version() != fixed.Version() {
		t.Error("loaded again, for the rollback")
	}
	if got := log.kinds(Loaded); !slices.Equal(got, []string{"1.0", "1.1"}) {
		t.Errorf("loaded %v", got)
	}
}

func TestUnloadsAHandleAndNotWhatAnotherOneServes(t *testing.T) {
	log := &recorder{}
	r := published(t, "1.0").open(WithObserver(log))
	m := latest(t, r)
	fixed, err := r.Get(model, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	m.Unload()
	m.Unload()
	if err := m.Predict(t.Context(), m.NewOutputs(), make([]float32, 4)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := m.Reload(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	serves(t, fixed, "1.0")
	if again := latest(t, r); again == m {
		t.Error("the unloaded handle is given out")
	} else {
		again.Unload()
	}
	fixed.Unload()
	within(t, "the version is retired", func() bool { return slices.Equal(log.kinds(Retired), []string{"1.0"}) })
}

func TestListsModelsAndTheirVersionsInNumericOrder(t *testing.T) {
	f := published(t, "1.9", "1.10", "1.2")
	for _, dir := range []string{"other/v1.0", "empty", ".hidden/v1.0", "not a name/v1.0", model + "/.v1.11-0123abcd", model + "/v01.3"} {
		if err := os.MkdirAll(filepath.Join(f.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := f.open()
	if names, err := r.Names(); !slices.Equal(names, []string{model, "other"}) || err != nil {
		t.Errorf("got %v, %v", names, err)
	}
	if versions, err := r.Versions(model); !slices.Equal(versions, []string{"1.2", "1.9", "1.10"}) || err != nil {
		t.Errorf("got %v, %v", versions, err)
	}
	if _, err := r.Versions("absent"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestLoadsEveryModelOfTheRegistryAndNamesThoseThatFail(t *testing.T) {
	f := published(t, "1.0")
	if err := os.MkdirAll(filepath.Join(f.dir, "broken", "v1.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	log := &recorder{}
	r := f.open(WithObserver(log))
	err := r.Load()
	if typed := refusal(t, err); typed.Model != "broken" || typed.Serving != "" {
		t.Errorf("got %+v", typed)
	}
	if got := log.kinds(Loaded); !slices.Equal(got, []string{"1.0"}) {
		t.Errorf("loaded %v", got)
	}
	if err := r.Load(model); err != nil {
		t.Error(err)
	}
}

func TestRefusesWhatTheRegistryDoesNotHold(t *testing.T) {
	f := published(t, "1.0")
	r := f.open()
	get := func(name, version string) error { _, err := r.Get(name, version); return err }
	getLatest := func(name string) error { _, err := r.GetLatest(name); return err }
	for text, err := range map[string]error{
		"absent cannot be served":       getLatest("absent"),
		`"../adder" is no model's name`: getLatest("../adder"),
		`"" is no model's name`:         getLatest(""),
		"v1.7 is not in the registry":   get(model, "1.7"),
		`version is "v1.0", expected`:   get(model, "v1.0"),
		`version is "../1.0"`:           get(model, "../1.0"),
		"gone is not in the registry":   r.Reload("gone"),
	} {
		if err == nil || !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, text)
		}
	}
	f.remove("latest")
	err := getLatest(model)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "latest is missing, expected a link") {
		t.Errorf("got %v", err)
	}
	f.point("1.0")
	serves(t, latest(t, r), "1.0") // nothing is kept of what failed
}

func TestRefusesABundleOfAnotherModel(t *testing.T) {
	f := published(t, "1.0")
	f.edit("1.0", "/name", `"other"`)
	_, err := f.open().GetLatest(model)
	var typed *bundle.Error
	if !errors.As(err, &typed) || typed.Field != "name" || !strings.Contains(err.Error(), `"other", expected "adder", as its folder`) {
		t.Errorf("got %v", err)
	}
}

func TestRefusesAFolderThatIsNoRegistry(t *testing.T) {
	rt := openedRuntime(t)
	f := published(t, "1.0")
	for found, dir := range map[string]string{
		"is not a folder":          filepath.Join(f.dir, "absent"),
		"is a model's own folder":  f.model(),
		"is a bundle's own folder": filepath.Join(f.model(), "v1.0"),
	} {
		_, err := Open(rt, dir)
		var typed *bundle.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), found) {
			t.Errorf("got %v, want %q", err, found)
		}
	}
	for _, option := range []Option{WithInterval(0), WithDebounce(-time.Second)} {
		if _, err := Open(rt, f.dir, Watch(), option); err == nil || !strings.Contains(err.Error(), "expected more than 0") {
			t.Errorf("got %v", err)
		}
	}
}

func TestServesNobodyWhenItIsClosed(t *testing.T) {
	f := published(t, "1.0")
	for _, opts := range [][]Option{nil, {Watch()}} {
		r, err := Open(openedRuntime(t), f.dir, opts...)
		if err != nil {
			t.Fatal(err)
		}
		m := latest(t, r)
		v, err := m.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		v.Release()
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Fatal(err)
		}
		out, window := m.NewOutputs(), make([]float32, 4)
		if err := m.Predict(t.Context(), out, window); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := v.Predict(t.Context(), out, window); !errors.Is(err, predictor.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if _, err := r.GetLatest(model); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := m.Reload(); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCloseWaitsForWhatWasAcquired(t *testing.T) {
	r := published(t, "1.0").open()
	m := latest(t, r)
	v, err := m.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	within(t, "the handle is closed", m.closed.Load)
	if err := v.Predict(t.Context(), v.NewOutputs(), make([]float32, 4)); err != nil {
		t.Error(err)
	}
	select {
	case err := <-closed:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	v.Release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestPanicsWhenAVersionIsReleasedTwice(t *testing.T) {
	v := &Version{drained: make(chan struct{})}
	v.users.Store(1)
	v.Release()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	v.Release()
}

func TestComparesTheColumnsOfAService(t *testing.T) {
	f := published(t, "1.0")
	f.edit("1.0", "/inputs/0/channels", `["rtt", "loss", "jitter", "load"]`)
	m := latest(t, f.open())
	if err := m.CheckChannels([]string{"rtt", "loss", "jitter", "load"}); err != nil {
		t.Error(err)
	}
	err := m.CheckChannels([]string{"rtt", "jitter", "loss", "load"})
	var typed *predictor.ChannelError
	if !errors.As(err, &typed) || typed.Index != 1 || typed.Found != "jitter" || typed.Expected != "loss" {
		t.Errorf("got %v", err)
	}
}

// Whatever happens at once, Close waits for the loads that run, and nothing is loaded after it.
func TestClosesWhileHandlesAreMadeReloadedAndUnloaded(t *testing.T) {
	f := published(t, "1.0", "1.1")
	for range 20 {
		r, err := Open(openedRuntime(t), f.dir, Watch(), WithInterval(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				for {
					m, err := r.GetLatest(model)
					if err == nil && i%3 == 0 {
						err = m.Reload()
					}
					if err == nil && i%3 == 1 {
						m.Unload()
					}
					if _, getErr := r.Get(model, "1.0"); err == nil {
						err = getErr
					}
					if err == nil {
						continue
					}
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					if _, err := r.GetLatest(model); errors.Is(err, ErrClosed) {
						return
					}
				}
			})
		}
		time.Sleep(3 * time.Millisecond)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
	}
}
