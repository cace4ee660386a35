package ensemble

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/internal/bundletest"
	"github.com/novacron/dwcpc/go_harness/predictor"
	"github.com/novacron/dwcpc/go_harness/registry"
)

// shelf is a registry on disk whose models a test publishes.
type shelf struct {
	*testing.T
	dir string
}

// adding publishes y = x + constant on 4 values.
func (s shelf) adding(name, version string, constant float32) {
	s.Helper()
	made := bundletest.Adding(s, filepath.Join(fixtures, "add_one.onnx"), name, version, constant)
	made.Publish(s, filepath.Join(fixtures, "bundles", "good"), s.dir)
	bundletest.PointLatest(s, filepath.Join(s.dir, name), "v"+version)
}

// detecting publishes a fixture that decides on anomalies, with another threshold.
func (s shelf) detecting(fixture, name, version string, threshold float64) {
	s.Helper()
	folder := filepath.Join(s.dir, name, "v"+version)
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(fixtures, "bundles", fixture))); err != nil && !errors.Is(err, fs.ErrExist) {
		s.Fatal(err)
	}
	for pointer, value := range map[string]string{
		"/name": fmt.Sprintf("%q", name), "/version": fmt.Sprintf("%q", version), "/decision/threshold": fmt.Sprint(threshold),
	} {
		edit := bundletest.Edit{File: "metadata.json", Op: "set", Pointer: pointer, Value: []byte(value)}
		if err := edit.Apply(folder); err != nil {
			s.Fatal(err)
		}
	}
	bundletest.PointLatest(s, filepath.Join(s.dir, name), "v"+version)
}

func (s shelf) open(opts ...registry.Option) *registry.Registry {
	s.Helper()
	rt, err := dwcpc.Open()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = rt.Close() })
	r, err := registry.Open(rt, s.dir, opts...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := r.Close(); err != nil {
			s.Error(err)
		}
	})
	return r
}

// define writes a definition beside the models.
func (s shelf) define(combine string, failing Failing, members ...DefinedMember) string {
	s.Helper()
	text, err := json.Marshal(Definition{Schema: schemaID, Name: "both", Combine: combine, Members: members, Failing: failing})
	if err != nil {
		s.Fatal(err)
	}
	path := filepath.Join(s.dir, "both.ensemble.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

func (s shelf) load(reg *registry.Registry, path string, opts ...Option) *Ensemble {
	s.Helper()
	e, err := Load(reg, path, opts...)
	if err != nil {
		s.Fatal(err)
	}
	return e
}

var (
	allAnswer = Failing{Policy: PolicyFail}
	window    = []float32{0.25, -3, 1e6, 7}
)

func answer(t *testing.T, m Model, window []float32) []float32 {
	t.Helper()
	out := m.NewOutputs()
	if err := m.Predict(t.Context(), out, window); err != nil {
		t.Fatal(err)
	}
	return out[0].Float32
}

// weighted is the mean of what the members themselves answer, in the order of their names, rounded as NewAverage says.
func weighted(t *testing.T, weights []float64, models ...Model) []float32 {
	t.Helper()
	var mean []float32
	for j := range answer(t, models[0], window) {
		sum, total := 0.0, 0.0
		for i, m := range models {
			product := weights[i] * float64(answer(t, m, window)[j])
			sum += product
			total += weights[i]
		}
		mean = append(mean, float32(sum/total))
	}
	return mean
}

func handle(t *testing.T, get func() (*registry.Model, error)) *registry.Model {
	t.Helper()
	m, err := get()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestADefinitionAnswersWithTheWeightedMeanOfItsMembersOwnAnswers(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.adding("adder", "1.0", 1)
	s.adding("adder", "1.1", 0.3)
	s.adding("other", "1.0", -17.7)
	reg := s.open()
	path := s.define(CombineAverage, allAnswer, DefinedMember{Model: "other", Weight: 0.7}, DefinedMember{Model: "adder", Weight: 2}, DefinedMember{Model: "adder", Version: "1.0", Weight: 0.1})
	e := s.load(reg, path)
	if e.Vote() != nil || e.Definition.Name != "both" {
		t.Errorf("got %+v", e)
	}
	latest := handle(t, func() (*registry.Model, error) { return reg.GetLatest("adder") })
	pinned := handle(t, func() (*registry.Model, error) { return reg.Get("adder", "1.0") })
	other := handle(t, func() (*registry.Model, error) { return reg.GetLatest("other") })
	want := weighted(t, []float64{2, 0.1, 0.7}, latest, pinned, other)
	got := answer(t, e.Average(), window)
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("value %d: got %v, want %v", i, got[i], want[i])
		}
	}
	if alone := answer(t, latest, window); slices.Equal(got, alone) {
		t.Error("it is one member's answer: this tells nothing")
	}
}

func TestADefinitionFollowsLatestAndKeepsAPinnedVersion(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.adding("adder", "1.0", 1)
	s.adding("other", "1.0", 10)
	reg := s.open(registry.Watch(), registry.WithInterval(5*time.Millisecond))
	members := []DefinedMember{{Model: "adder", Weight: 1}, {Model: "other", Version: "1.0", Weight: 1}}
	e := s.load(reg, s.define(CombineAverage, allAnswer, members...))
	if got := answer(t, e.Average(), window)[3]; got != 12.5 {
		t.Fatalf("got %v, want 7 + (1 + 10) / 2", got)
	}
	s.adding("adder", "1.1", 3)
	s.adding("other", "1.1", 1000)
	for deadline := time.Now().Add(10 * time.Second); answer(t, e.Average(), window)[3] != 13.5; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want 7 + (3 + 10) / 2", answer(t, e.Average(), window))
		}
	}
	if v := handle(t, func() (*registry.Model, error) { return reg.Get("other", "1.0") }).Version().Number(); v != "1.0" {
		t.Errorf("v%s", v)
	}
}

func TestAVoteIsDecidedByTheThresholdOfTheVersionThatAnswered(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.detecting("good", "high", "1.0", 1e6)
	s.detecting("good", "low", "1.0", 0.1)
	reg := s.open()
	members := []DefinedMember{{Model: "high", Weight: 1}, {Model: "low", Weight: 3}}
	e := s.load(reg, s.define(CombineVote, allAnswer, members...))
	sample := []float32{0.5, -2, 9, -2.5, 0.3, -3} // a score of 11.7
	if got, err := e.Vote().Anomaly(t.Context(), sample); err != nil || got != (AnomalyVote{true, 0.75, 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
	s.detecting("good", "low", "1.1", 100)
	if err := reg.Reload("low"); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Vote().Anomaly(t.Context(), sample); err != nil || got != (AnomalyVote{false, 0, 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := e.Vote().Label(t.Context(), sample); !errors.Is(err, predictor.ErrNoLabel) {
		t.Errorf("an autoencoder named a class: %v", err)
	}
	if e.Average() != nil {
		t.Error("it averages as well")
	}
}

func TestAVoteOfClassifiersNamesWhatTheirOwnLabelsSay(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.detecting("classifier", "left", "1.0", -0.5)
	s.detecting("classifier", "right", "1.0", -0.5)
	reg := s.open()
	e := s.load(reg, s.define(CombineVote, Failing{Policy: PolicyDrop, Minimum: 1}, DefinedMember{Model: "left", Weight: 1}, DefinedMember{Model: "right", Weight: 1}))
	m := handle(t, func() (*registry.Model, error) { return reg.GetLatest("left") })
	width := m.Bundle().Metadata.Inputs[0].Shape.Elements()
	for row := range m.Bundle().Metadata.Golden.Rows {
		sample := m.Bundle().Golden.Inputs[0][row*width : (row+1)*width]
		out := m.NewOutputs()
		v, err := m.PredictVersion(t.Context(), out, sample)
		if err != nil {
			t.Fatal(err)
		}
		label, wantErr := v.Label(out)
		got, gotErr := e.Vote().Label(t.Context(), sample)
		switch {
		case wantErr != nil: // neither answers, and one has to
			if !as[*TooFewError](gotErr) || !errors.Is(gotErr, predictor.ErrNotAnswered) {
				t.Errorf("row %d: got %v, want %v", row, gotErr, wantErr)
			}
		case gotErr != nil || got != (LabelVote{label, 1, 2}):
			t.Errorf("row %d: got %+v, %v, want %d", row, got, gotErr, label)
		}
	}
}

func TestAMemberThatIsUnloadedFailsOrIsLeftOutAsTheDefinitionSays(t *testing.T) {
	for policy, minimum := range map[string]int{PolicyFail: 0, PolicyDrop: 1} {
		s := shelf{t, t.TempDir()}
		s.adding("adder", "1.0", 1)
		s.adding("other", "1.0", 10)
		reg := s.open()
		var dropped []string
		path := s.define(CombineAverage, Failing{policy, minimum}, DefinedMember{Model: "adder", Weight: 1}, DefinedMember{Model: "other", Weight: 5})
		e := s.load(reg, path, OnDrop(func(member string, _ error) { dropped = append(dropped, member) }))
		handle(t, func() (*registry.Model, error) { return reg.GetLatest("other") }).Unload()
		out := e.Average().NewOutputs()
		err := e.Average().Predict(t.Context(), out, window)
		if policy == PolicyFail {
			if !as[*MemberError](err) || !errors.Is(err, registry.ErrClosed) {
				t.Errorf("got %v", err)
			}
		} else if err != nil || out[0].Float32[3] != 8 || !slices.Equal(dropped, []string{"other"}) {
			t.Errorf("got %v, %v, without %v", out[0].Float32, err, dropped)
		}
	}
}

func TestLoadRefusesWhatDoesNotFitTogether(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.adding("adder", "1.0", 1)
	s.detecting("good", "detector", "1.0", 1)
	reg := s.open()
	adder := DefinedMember{Model: "adder", Weight: 1}
	if _, err := Load(reg, s.define(CombineAverage, allAnswer, adder, DefinedMember{Model: "absent", Weight: 1})); !as[*MemberError](err) || !as[*registry.LoadError](err) {
		t.Errorf("got %v", err)
	}
	if _, err := Load(reg, s.define(CombineAverage, allAnswer, adder, DefinedMember{Model: "adder", Version: "9.9", Weight: 1})); !as[*registry.LoadError](err) {
		t.Errorf("got %v", err)
	}
	if _, err := Load(reg, s.define(CombineAverage, allAnswer, adder, DefinedMember{Model: "detector", Weight: 1})); !as[*InputError](err) {
		t.Errorf("got %v", err)
	}
	if _, err := Load(reg, filepath.Join(s.dir, "none.ensemble.json")); !as[*DefinitionError](err) {
		t.Errorf("got %v", err)
	}
}

func TestALoadedEnsembleAnswersFromAnyGoroutineWhileVersionsChange(t *testing.T) {
	s := shelf{t, t.TempDir()}
	s.adding("adder", "1.0", 1)
	s.adding("other", "1.0", 10)
	reg := s.open()
	e := s.load(reg, s.define(CombineAverage, allAnswer, DefinedMember{Model: "adder", Weight: 1}, DefinedMember{Model: "other", Weight: 1}), Concurrently())
	var callers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			out := e.Average().NewOutputs()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := e.Average().Predict(t.Context(), out, window); err != nil {
					t.Error(err)
					return
				}
				if got := out[0].Float32[3]; got != 12.5 && got != 13.5 { // never something between the two versions
					t.Errorf("got %v", got)
					return
				}
			}
		})
	}
	s.adding("adder", "1.1", 3)
	if err := reg.Reload("adder"); err != nil {
		t.Error(err)
	}
	close(stop)
	callers.Wait()
	if got := answer(t, e.Average(), window)[3]; got != 13.5 {
		t.Errorf("got %v", got)
	}
}
