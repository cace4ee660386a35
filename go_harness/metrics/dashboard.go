package metrics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./writedashboard dashboard.json

// Dashboard returns the Grafana dashboard of all metrics, as dashboard.json has it.
func Dashboard() []byte {
	var panels []any
	for i, d := range definitions() {
		panels = append(panels, d.panel(i))
	}
	text, err := json.MarshalIndent(map[string]any{
		"uid": "dwcpc", "title": "dwcpc predictions", "tags": []string{"dwcpc"}, "schemaVersion": 39, "version": 1, "editable": true,
		"refresh": "30s", "time": map[string]any{"from": "now-6h", "to": "now"},
		"templating": map[string]any{"list": []any{
			map[string]any{"name": "datasource", "type": "datasource", "query": "prometheus"},
			map[string]any{
				"name": "model", "type": "query", "datasource": datasource(), "query": "label_values(" + predictions.name + ", " + labelModel + ")",
				"refresh": 2, "includeAll": true, "multi": true, "allValue": ".*", "current": map[string]any{"text": "All", "value": "$__all"},
			},
		}},
		"panels": panels,
	}, "", " ")
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return append(text, '\n')
}

func datasource() map[string]any {
	return map[string]any{"type": "prometheus", "uid": "${datasource}"}
}

// Panels are two in a row, of Grafana's 24 columns.
const (
	panelWidth  = 12
	panelHeight = 8
)

func (d definition) panel(i int) map[string]any {
	var targets []any
	for j, q := range d.queries() {
		targets = append(targets, map[string]any{"refId": string(rune('A' + j)), "expr": q.expr, "legendFormat": q.legend, "datasource": datasource()})
	}
	return map[string]any{
		"id": i + 1, "type": "timeseries", "title": d.title, "description": d.help, "datasource": datasource(), "targets": targets,
		"gridPos":     map[string]any{"x": i % 2 * panelWidth, "y": i / 2 * panelHeight, "w": panelWidth, "h": panelHeight},
		"fieldConfig": map[string]any{"defaults": map[string]any{"unit": d.unit}, "overrides": []any{}},
	}
}

// query is one line of a panel.
type query struct {
	expr   string
	legend string
}

func (d definition) queries() []query {
	legend := d.legend()
	switch {
	case d.kind == histogram:
		return []query{{d.quantile(0.5), strings.TrimSpace("p50 " + legend)}, {d.quantile(0.99), strings.TrimSpace("p99 " + legend)}}
	case d.kind == counter && d.unit == "reqps":
		return []query{{d.sum("rate", "$__rate_interval"), legend}}
	case d.kind == counter:
		return []query{{d.sum("increase", "1d"), legend}} // of things that happen a few times a day
	default:
		return []query{{d.name + d.selector(), legend}}
	}
}

func (d definition) legend() string {
	var parts []string
	for _, label := range d.labels {
		parts = append(parts, "{{"+label+"}}")
	}
	return strings.Join(parts, " ")
}

func (d definition) selector() string {
	if slices.Contains(d.labels, labelModel) {
		return "{" + labelModel + `=~"$model"}`
	}
	return ""
}

func (d definition) sum(function, window string) string {
	return fmt.Sprintf("sum%s (%s(%s%s[%s]))", by(d.labels), function, d.name, d.selector(), window)
}

// quantile asks the native buckets first: a server that scrapes those has no others, and one that does not has no such series.
func (d definition) quantile(q float64) string {
	classic := fmt.Sprintf("histogram_quantile(%g, sum%s (rate(%s_bucket%s[$__rate_interval])))", q, by(append([]string{"le"}, d.labels...)), d.name, d.selector())
	if !d.native {
		return classic
	}
	return fmt.Sprintf("histogram_quantile(%g, %s) or %s", q, d.sum("rate", "$__rate_interval"), classic)
}

func by(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	return " by (" + strings.Join(labels, ", ") + ")"
}
