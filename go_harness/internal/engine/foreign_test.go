package engine

import (
	"errors"
	"os"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// foreign initialises the runtime as another package of the process would.
func foreign(t *testing.T) {
	t.Helper()
	ort.SetSharedLibraryPath(os.Getenv("DWCPC_ORT_LIB"))
	if err := ort.InitializeEnvironment(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ort.DestroyEnvironment(); err != nil {
			t.Errorf("it was ended for its owner: %v", err)
		}
	})
}

func TestJoinsTheRuntimeThatAnotherPackageInitialised(t *testing.T) {
	foreign(t)
	for _, path := range []string{"", os.Getenv("DWCPC_ORT_LIB"), ""} { // the second and third join the first
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if library := r.Library(); library.Path != "" || library.Version != ort.GetVersion() {
			t.Errorf("got %+v", library)
		}
		closing(t, r)
		session, err := r.NewSession(addOne(t), pinned, anyRows, addOneInputs, addOneOutputs)
		if err != nil {
			t.Fatal(err)
		}
		slot, err := session.NewSlot(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := slot.Predict([]bundle.Output{{Float32: make([]float32, 4)}}, [][]float32{{1, 2, 3, 4}}); err != nil {
			t.Error(err)
		}
		if err := errors.Join(slot.Close(), session.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestDoesNotTakeAnotherPackagesRuntimeForALibraryThatWasNamed(t *testing.T) {
	foreign(t)
	path, err := old(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{path, "/no/such/lib.so"} {
		_, err := Open(named)
		var typed *LibraryError
		if !errors.As(err, &typed) || typed.Attempts[0].Path != named || !strings.Contains(err.Error(), "another package of this process already runs onnxruntime "+ort.GetVersion()) {
			t.Errorf("got %v", err)
		}
	}
	r, err := Open("") // what failed holds nothing
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
}
