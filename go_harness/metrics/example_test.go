package metrics_test

import (
	"fmt"
	"log"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/novacron/dwcpc/go_harness/metrics"
	"github.com/novacron/dwcpc/go_harness/registry"
)

func Example() {
	gatherer := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	m, err := metrics.New(gatherer)
	if err != nil {
		log.Fatal(err)
	}
	_ = registry.WithObserver(m) // an option for registry.Open: it then calls what follows by itself

	m.Happened(registry.Event{Kind: registry.Served, Model: "bandwidth_predictor", Version: "1.2"})
	m.Predictions("bandwidth_predictor", "1.2").Predicted(80*time.Microsecond, 1, nil)

	families, err := gatherer.Gather() // promhttp.HandlerFor(gatherer, …) does this for /metrics
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		switch family.GetName() {
		case "dwcp_pba_model_version":
			fmt.Println(family.GetName(), family.GetMetric()[0].GetGauge().GetValue())
		case "dwcp_pba_predictions_total":
			fmt.Println(family.GetName(), family.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output:
	// dwcp_pba_model_version 1.002
	// dwcp_pba_predictions_total 1
}
