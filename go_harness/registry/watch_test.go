package registry

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

const never = 24 * time.Hour

// following waits until the handle serves the version.
func following(t *testing.T, m *Model, version string) {
	t.Helper()
	within(t, "v"+version+" serves", func() bool { return m.Version().Number() == version })
	serves(t, m, version)
}

func TestFollowsLatestWhenItIsTold(t *testing.T) {
	f := published(t, "1.0")
	m := latest(t, f.open(Watch(), WithInterval(never), WithDebounce(5*time.Millisecond)))
	// `latest` is replaced by a rename each time: the second one would go unseen if it was what is watched.
	for _, version := range []string{"1.1", "1.2", "2.0"} {
		f.publish(version)
		following(t, m, version)
	}
	f.point("1.1")
	following(t, m, "1.1")
	f.remove("latest")
	f.write("latest", "v1.2\n")
	following(t, m, "1.2")
}

func TestFollowsLatestWhenNobodyTells(t *testing.T) {
	f := published(t, "1.0")
	r := f.open(Watch(), WithInterval(5*time.Millisecond), WithDebounce(never))
	m := latest(t, r)
	f.publish("1.1")
	following(t, m, "1.1")
}

// A volume of Kubernetes' ConfigMaps: the model's folder is a link through ..data, and ..data is what is exchanged.
func TestFollowsAVolumeThatIsExchanged(t *testing.T) {
	old, changed := published(t, "1.0"), published(t, "1.1")
	dir := t.TempDir()
	for _, err := range []error{
		os.Symlink(old.dir, filepath.Join(dir, "..data")),
		os.Symlink(filepath.Join("..data", model), filepath.Join(dir, model)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, opts := range map[string][]Option{
		"told":   {Watch(), WithInterval(never), WithDebounce(5 * time.Millisecond)},
		"polled": {Watch(), WithInterval(5 * time.Millisecond), WithDebounce(never)},
	} {
		t.Run(name, func(t *testing.T) {
			m := latest(t, folder{t, dir}.open(opts...))
			from := m.Version().Number()
			target, version := changed.dir, "1.1"
			if from == "1.1" {
				target, version = old.dir, "1.0"
			}
			temporary := filepath.Join(dir, "..data_tmp")
			if err := os.Symlink(target, temporary); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(temporary, filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
			following(t, m, version)
		})
	}
}

// A whole model's folder that is replaced by another one of the same name, and goes on changing.
func TestFollowsAFolderThatWasReplaced(t *testing.T) {
	f, other := published(t, "1.0"), published(t, "1.1")
	m := latest(t, f.open(Watch(), WithInterval(never), WithDebounce(5*time.Millisecond)))
	if err := os.Rename(f.model(), f.model()+"-old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other.model(), f.model()); err != nil {
		t.Fatal(err)
	}
	following(t, m, "1.1")
	f.publish("1.2")
	following(t, m, "1.2")
}

func TestWithoutWatchOnlyReloadLooks(t *testing.T) {
	f := published(t, "1.0")
	m := latest(t, f.open(WithInterval(time.Millisecond), WithDebounce(time.Millisecond)))
	f.publish("1.1")
	time.Sleep(20 * time.Millisecond)
	serves(t, m, "1.0")
}

func TestPollsWhereTheSystemGivesNoWatch(t *testing.T) {
	f := published(t, "1.0")
	r := f.open(WithInterval(5 * time.Millisecond))
	r.watcher = startWatcher(r, func() (*fsnotify.Watcher, error) { return nil, os.ErrPermission })
	m := latest(t, r)
	f.publish("1.1")
	following(t, m, "1.1")
}

func TestGoesOnServingWhileABrokenVersionIsWatched(t *testing.T) {
	f := published(t, "1.0")
	log := &recorder{}
	m := latest(t, f.open(Watch(), WithInterval(5*time.Millisecond), WithDebounce(time.Millisecond), WithObserver(log)))
	stop := predicting(t, m, 2, map[string]bool{"1.0": true, "1.2": true})
	defer stop()
	f.add("1.1")
	f.damage("1.1")
	f.point("1.1")
	within(t, "it was refused", func() bool { return m.Status().Failures > 0 })
	time.Sleep(50 * time.Millisecond) // ten looks
	if failures := m.Status().Failures; failures > 4 {
		t.Errorf("tried %d times in ten looks", failures)
	}
	f.publish("1.2")
	following(t, m, "1.2")
	stop()
}

func TestWaitsForQuietButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{registry: &Registry{options: options{debounce: time.Second}}}
		begin := time.Now()
		for _, c := range []struct{ at, want time.Duration }{
			{0, time.Second}, {500 * time.Millisecond, time.Second}, {9500 * time.Millisecond, 500 * time.Millisecond}, {10 * time.Second, 0},
		} {
			time.Sleep(time.Until(begin.Add(c.at)))
			if got := w.wait(time.Now()); got != c.want {
				t.Errorf("after %v: waits %v, want %v", c.at, got, c.want)
			}
		}
	})
}
