package predictor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/bundle"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
)

func link(target string) func(string) error {
	return func(latest string) error { return os.Symlink(target, latest) }
}

func text(content string) func(string) error {
	return func(latest string) error { return os.WriteFile(latest, []byte(content), 0o644) }
}

func folder(latest string) error { return os.Mkdir(latest, 0o755) }

func TestServesTheVersionThatLatestNames(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"link": link("v1.0"), "link with folders": link("/elsewhere/v1.0"), "line": text("v1.0\n"), "bare text": text(" v1.0"),
	} {
		t.Run(name, func(t *testing.T) {
			version := copied(t)
			model := filepath.Dir(version)
			if err := make(filepath.Join(model, bundle.LatestFile)); err != nil {
				t.Fatal(err)
			}
			if got := opened(t, model).Bundle().Dir; got != version {
				t.Errorf("serves %s, want %s", got, version)
			}
		})
	}
}

// What a process leaves that is killed while it publishes, as compiler/staging.py names it.
func TestDoesNotSeeWhatIsLeftOfAPublishThatWasKilled(t *testing.T) {
	version := copied(t)
	model := filepath.Dir(version)
	half := filepath.Join(model, ".v1.1-0123abcd")
	for _, err := range []error{
		os.CopyFS(half, os.DirFS(version)),
		os.Remove(filepath.Join(half, "model.onnx")),
		os.WriteFile(half+".lock", nil, 0o644),
		os.WriteFile(filepath.Join(model, ".lock"), nil, 0o644),
		os.WriteFile(filepath.Join(model, "withdrawn"), []byte("v1.1\n"), 0o644),
		os.Symlink(".v1.1-0123abcd", filepath.Join(model, ".new-latest")),
		os.Symlink("v1.0", filepath.Join(model, bundle.LatestFile)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := opened(t, model).Bundle().Dir; got != version {
		t.Errorf("serves %s, want %s", got, version)
	}
}

func TestRefusesALatestThatNamesAStagingFolder(t *testing.T) {
	model := filepath.Dir(copied(t))
	if err := os.Symlink(".v1.1-0123abcd", filepath.Join(model, bundle.LatestFile)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(openedRuntime(t), model)
	if err == nil || !strings.Contains(err.Error(), `naming ".v1.1-0123abcd"`) {
		t.Errorf("got %v", err)
	}
}

func TestRefusesEveryBundleOfAnotherModel(t *testing.T) {
	rt := openedRuntime(t)
	fixtures := filepath.Dir(goodDir)
	for _, c := range bundletest.Listed(t, fixtures, "mismatch.json") {
		_, err := Open(rt, bundletest.Edited(t, filepath.Join(fixtures, "proven"), c.Edits...))
		var mismatch *Mismatch
		if !errors.As(err, &mismatch) || mismatch.Output != c.ReasonContains {
			t.Errorf("%s: got %v", c.Name, err)
		}
	}
}

func TestServesTheFolderItselfWhereItIsABundle(t *testing.T) {
	dir := copied(t)
	if err := text("v9.9")(filepath.Join(dir, bundle.LatestFile)); err != nil {
		t.Fatal(err)
	}
	if got := opened(t, dir).Bundle().Dir; got != dir {
		t.Errorf("serves %s, want %s", got, dir)
	}
}

func TestRefusesALatestThatNamesNoVersion(t *testing.T) {
	rt := openedRuntime(t)
	for name, c := range map[string]struct {
		make   func(string) error
		reason string
	}{
		"another folder":  {link("other"), `latest is naming "other", expected a version's folder such as v1.0`},
		"a way out":       {text("../v1.0"), `naming "../v1.0"`},
		"leading zero":    {text("v01.0"), `naming "v01.0"`},
		"two lines":       {text("v1.0\nv2.0\n"), `naming "v1.0\nv2.0"`},
		"nothing":         {text("\n"), `naming ""`},
		"a folder":        {folder, "latest is of mode drwx"},
		"a novel":         {text(strings.Repeat(" ", 4096) + "v1.0"), "4100 bytes long"},
		"a version gone":  {link("v2.0"), "v2.0 is not a folder"},
		"no latest, even": {func(string) error { return nil }, "metadata.json is missing"},
	} {
		model := filepath.Dir(copied(t))
		if err := c.make(filepath.Join(model, bundle.LatestFile)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(rt, model)
		var typed *bundle.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want %q", name, err, c.reason)
		}
	}
}
