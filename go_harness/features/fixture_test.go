package features

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

type object = map[string]any

// nodeSpec is the 123 features of the node reliability forest, from the rule that its owners computed them by.
func nodeSpec(t testing.TB) *Spec {
	t.Helper()
	base := []string{
		"error_rate", "timeout_rate", "latency_p50", "latency_p99", "sla_violations", "connection_failures", "packet_loss_rate", "cpu_usage",
		"memory_usage", "disk_io",
	}
	var columns, steps []object
	add := func(name, op string, keys object) {
		step := object{"name": name, "op": op}
		for key, value := range keys {
			step[key] = value
		}
		steps = append(steps, step)
	}
	for _, name := range base {
		columns = append(columns, object{"name": name})
		add(name, "copy", object{"of": name})
	}
	for _, window := range []int{5, 15} {
		for _, name := range base {
			for _, statistic := range []string{"mean", "std", "min", "max"} {
				keys := object{"of": name, "window": window}
				if statistic == "std" {
					keys["fill"] = 0
				}
				add(fmt.Sprintf("%s_rolling_%s_%d", name, statistic, window), "rolling_"+statistic, keys)
			}
		}
	}
	for _, name := range base {
		add(name+"_rate_of_change", "difference", object{"of": name, "fill": 0})
		add(name+"_acceleration", "difference", object{"of": name, "order": 2, "fill": 0})
	}
	add("error_timeout_product", "product", object{"of": []string{"error_rate", "timeout_rate"}})
	add("latency_spread", "weighted_sum", object{"terms": []object{{"of": "latency_p99", "weight": 1}, {"of": "latency_p50", "weight": -1}}})
	add("latency_ratio", "ratio", object{"of": "latency_p99", "by": "latency_p50", "epsilon": 1e-6})
	add("resource_pressure", "weighted_sum", object{"terms": []object{{"of": "cpu_usage", "weight": 0.5}, {"of": "memory_usage", "weight": 0.5}}})
	add("high_error_rate", "indicator", object{"of": "error_rate", "above": 0.01})
	add("high_latency", "indicator", object{"of": "latency_p99", "above": 100})
	add("high_packet_loss", "indicator", object{"of": "packet_loss_rate", "above": 0.05})
	for _, column := range []struct {
		name       string
		categories []string
	}{{"mode", []string{"fallback", "optimized", "standard"}}, {"tier", []string{"tier1", "tier2", "tier3"}}} {
		columns = append(columns, object{"name": column.name, "type": "category", "categories": column.categories})
		for _, category := range column.categories {
			add(column.name+"_"+category, "one_hot", object{"of": column.name, "category": category})
		}
	}
	text, err := json.Marshal(object{
		"schema": schemaID, "name": "node_reliability_123", "group": "node_id",
		"time": object{"column": "timestamp", "duplicate": "keep", "max_gap": 300}, "columns": columns, "steps": steps,
	})
	if err != nil {
		t.Fatal(err)
	}
	spec := parsed(t, string(text))
	if n := len(spec.Features()); n != 123 {
		t.Fatalf("%d features", n)
	}
	return spec
}

// nodeRows are samples of ordinary size for nodeSpec.
func nodeRows(count int) [][]float64 {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float64, count)
	for i := range rows {
		for range 10 {
			rows[i] = append(rows[i], math.Exp(2*random.NormFloat64()))
		}
		rows[i] = append(rows[i], float64(random.IntN(3)), float64(random.IntN(3)))
	}
	return rows
}
