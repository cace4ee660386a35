package registry

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// Each thing that a caller relies on, and the first difference that the refusal names.
func TestRefusesAVersionThatAsksSomethingElseOfItsCallers(t *testing.T) {
	for name, c := range map[string]struct{ pointer, value, field, text string }{
		"order of channels": {"/inputs/0/channels", `["c'", "c", "c''", "c'''"]`, "inputs[0].channels", `["c'" "c" "c''" "c'''"] in v1.1, expected ["c" "c'" "c''" "c'''"] as in v1.0`},
		"no channels":       {"/inputs/0/channels", `[]`, "inputs[0].channels", "is [] in v1.1"},
		"units":             {"/inputs/0/units", `["s", "s", "s", "s"]`, "inputs[0].units", `["s" "s" "s" "s"] in v1.1, expected []`},
		"scaling":           {"/scaler/applied", `"host"`, "scaler.applied", "host in v1.1, expected graph"},
		"task":              {"/task", `"autoencoder"`, "task", "autoencoder in v1.1, expected regression"},
		"output's units":    {"/outputs/0/units", `["ms", "ms", "ms", "%"]`, "outputs[0].units", `["ms" "ms" "ms" "%"]`},
		"output's channels": {"/outputs/0/channels", `["a", "b", "c", "d"]`, "outputs[0].channels", `["a" "b" "c" "d"]`},
	} {
		t.Run(name, func(t *testing.T) {
			f := published(t, "1.0")
			m := latest(t, f.open())
			f.publish("1.1")
			f.edit("1.1", c.pointer, c.value)
			err := m.Reload()
			var typed *ContractError
			if !errors.As(err, &typed) || typed.Field != c.field || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
			serves(t, m, "1.0")
		})
	}
}

// Four features of one column; the last looks back over a window.
const fourFeatures = `{"schema": "dwcpc.features/1", "name": "four", "columns": [{"name": "r"}], "steps": [
	{"name": "c", "op": "clip", "of": "r", "low": 0}, {"name": "c'", "op": "lag", "of": "r", "samples": 1},
	{"name": "c''", "op": "log1p", "of": "r"}, {"name": "c'''", "op": "rolling_mean", "of": "r", "window": 5}]}`

func TestRefusesAVersionOfOtherFeatures(t *testing.T) {
	for name, c := range map[string]struct{ from, to, text string }{
		"another window": {fourFeatures, strings.Replace(fourFeatures, `"window": 5`, `"window": 15`, 1), "as in v1.0"},
		"some":           {"", fourFeatures, "expected <nil> as in v1.0"},
		"none":           {fourFeatures, "", "features is <nil> in v1.1"},
	} {
		f := published(t, "1.0")
		f.compute("1.0", c.from)
		m := latest(t, f.open())
		f.publish("1.1")
		f.compute("1.1", c.to)
		err := m.Reload()
		var typed *ContractError
		if !errors.As(err, &typed) || typed.Field != "features" || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %q", name, err, c.text)
		}
		serves(t, m, "1.0")
	}
}

func TestRefusesAVersionWhoseFeaturesThisProgramComputesOtherwise(t *testing.T) {
	f := published(t, "1.0")
	f.compute("1.0", fourFeatures)
	m := latest(t, f.open())
	f.publish("1.1")
	f.compute("1.1", fourFeatures, 3) // the rolling mean
	err := m.Reload()
	var typed *predictor.FeatureMismatch
	if !errors.As(err, &typed) || typed.Feature != "c'''" {
		t.Errorf("got %v", err)
	}
	serves(t, m, "1.0")
}

func TestTakesAVersionThatAsksTheSame(t *testing.T) {
	for name, specs := range map[string][2]string{
		"the order of keys": {fourFeatures, strings.Replace(fourFeatures, `"of": "r", "window": 5`, `"window": 5, "of":"r"`, 1)},
		"nothing":           {"", ""},
	} {
		f := published(t, "1.0")
		f.compute("1.0", specs[0])
		m := latest(t, f.open())
		f.publish("1.1")
		f.compute("1.1", specs[1])
		f.edit("1.1", "/scaler/center", "[1, 2, 3, 4]") // the graph's, no caller's
		if err := m.Reload(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTellsAScalerFromAnotherWhereTheCallerScales(t *testing.T) {
	f := published(t, "1.0")
	f.edit("1.0", "/scaler/applied", `"host"`)
	m := latest(t, f.open())
	f.publish("1.1")
	f.edit("1.1", "/scaler/applied", `"host"`)
	f.edit("1.1", "/scaler/center", "[0, 0, 0, 1]")
	var typed *ContractError
	if err := m.Reload(); !errors.As(err, &typed) || typed.Field != "scaler.center" {
		t.Errorf("got %v", err)
	}
}

// Another model's version under this one's name: other shapes, other outputs, a decision.
func TestTakesAnotherContractWhereThatIsAllowed(t *testing.T) {
	f := published(t, "1.0")
	m := latest(t, f.open(WithContractChanges()))
	out, window := m.NewOutputs(), make([]float32, 4)
	f.copyGood("2.0")
	if err := m.Reload(); err != nil {
		t.Fatal(err)
	}
	var typed *predictor.LengthError
	if err := m.Predict(t.Context(), out, window); !errors.As(err, &typed) {
		t.Errorf("got %v", err)
	}
	v, err := m.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Release()
	out = v.NewOutputs()
	if err := v.Predict(t.Context(), out, []float32{0.5, -2, 9, -2.5, 0.3, -3}); err != nil {
		t.Fatal(err)
	}
	if anomaly, err := v.Anomaly(out); !anomaly || err != nil {
		t.Errorf("got %v, %v", anomaly, err)
	}
	if _, err := v.Label(out); !errors.Is(err, predictor.ErrNoLabel) {
		t.Errorf("got %v", err)
	}
	if i, ok := v.Output("anomaly_score"); i != 1 || !ok {
		t.Errorf("got %d, %v", i, ok)
	}
}

func TestRefusesAnotherShapeAndDecision(t *testing.T) {
	f := published(t, "1.0")
	r := f.open()
	m := latest(t, r)
	f.copyGood("2.0")
	good, err := r.Get(model, "2.0")
	if err != nil {
		t.Fatal(err)
	}
	var refused *ContractError
	if err := m.Reload(); !errors.As(err, &refused) || refused.Field != "task" { // though it is loaded already
		t.Errorf("got %v", err)
	}
	undecided := *good.Bundle()
	undecided.Metadata.Decision = nil
	for want, next := range map[string]error{
		"task":     r.checkContract(m.Version(), good.Bundle()),
		"decision": r.checkContract(good.Version(), &undecided),
	} {
		var typed *ContractError
		if !errors.As(next, &typed) || typed.Field != want {
			t.Errorf("got %v, want a difference in %s", next, want)
		}
	}
	shaped := *good.Bundle()
	shaped.Metadata.Inputs = append(shaped.Metadata.Inputs[:0:0], shaped.Metadata.Inputs...)
	shaped.Metadata.Inputs[0].Shape = []int{30, 2}
	err = r.checkContract(good.Version(), &shaped)
	if err == nil || !strings.Contains(err.Error(), "inputs[0].shape is [30 2] in v2.0, expected [3 2]") {
		t.Errorf("got %v", err)
	}
}
