package metrics

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestTheCommittedDashboardIsTheGeneratedOne(t *testing.T) {
	committed, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, Dashboard()) {
		t.Error("dashboard.json differs from Dashboard(); run go generate ./metrics in go_harness/")
	}
}

func TestTheDashboardShowsEveryMetricAndNoOther(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			for _, name := range regexp.MustCompile(`\bdwcpc?_\w+`).FindAllString(target.Expr, -1) {
				shown[regexp.MustCompile(`_bucket$`).ReplaceAllString(name, "")] = true
			}
		}
	}
	for _, name := range Names() {
		if !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
	for name := range shown {
		if !slices.Contains(Names(), name) {
			t.Errorf("a panel shows %s, which is not exported", name)
		}
	}
}
