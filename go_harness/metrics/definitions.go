package metrics

import "github.com/prometheus/client_golang/prometheus"

// kind is what a metric is to Prometheus.
type kind int

const (
	counter kind = iota
	gauge
	histogram
)

// definition is one metric. The collectors and the dashboard are both made from it.
type definition struct {
	name    string
	help    string
	kind    kind
	labels  []string
	buckets []float64 // of a histogram
	native  bool      // a histogram that has native buckets as well
	title   string    // of its panel
	unit    string    // Grafana's name for it
}

// The labels.
const (
	labelModel   = "model"
	labelVersion = "version"
	labelOutcome = "outcome"
)

// ownersBuckets are in ms. The owners have those from 1 on; the models here take less than the first of them.
var ownersBuckets = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100}

// The owners' metrics, which their dashboards and alerts name: the names, types and missing labels are theirs.
var (
	ownersAccuracy = definition{
		name: "dwcp_pba_prediction_accuracy", help: "Current prediction accuracy (0-1)", kind: gauge, title: "Prediction accuracy (PBA)", unit: "percentunit",
	}
	ownersLatency = definition{
		name: "dwcp_pba_prediction_latency_ms", help: "Prediction inference latency in milliseconds", kind: histogram, buckets: ownersBuckets,
		title: "Prediction latency (PBA)", unit: "ms",
	}
	ownersVersion = definition{
		name: "dwcp_pba_model_version", help: "Current model version: major + minor / 1000", kind: gauge, title: "Model version (PBA)", unit: "none",
	}
	ownersConfidence = definition{
		name: "dwcp_pba_confidence", help: "Current prediction confidence score", kind: gauge, title: "Confidence (PBA)", unit: "percentunit",
	}
	ownersRetrains = definition{
		name: "dwcp_pba_retrain_total", help: "Total number of model retraining events", kind: counter, title: "Retrainings (PBA)", unit: "short",
	}
	ownersPredictions = definition{
		name: "dwcp_pba_predictions_total", help: "Total number of predictions made", kind: counter, title: "Predictions (PBA)", unit: "reqps",
	}
)

// The same, and more, of every model.
var (
	latency = definition{
		name: "dwcpc_prediction_latency_seconds", help: "What a call to Predict took, its time in the queue included.", kind: histogram,
		labels: []string{labelModel, labelVersion, labelOutcome}, buckets: prometheus.ExponentialBuckets(1e-6, 2, 20), native: true,
		title: "Prediction latency", unit: "s",
	}
	predictions = definition{
		name: "dwcpc_predictions_total", help: "Rows predicted, or asked for in vain.", kind: counter,
		labels: []string{labelModel, labelVersion, labelOutcome}, title: "Predictions", unit: "reqps",
	}
	accuracy = definition{
		name: "dwcpc_prediction_accuracy", help: "Accuracy against later measurements, 0 to 1.", kind: gauge,
		labels: []string{labelModel, labelVersion}, title: "Prediction accuracy", unit: "percentunit",
	}
	confidence = definition{
		name: "dwcpc_prediction_confidence", help: "Confidence of the last prediction, 0 to 1.", kind: gauge,
		labels: []string{labelModel, labelVersion}, title: "Confidence", unit: "percentunit",
	}
	retrains = definition{
		name: "dwcpc_retrains_total", help: "Retrainings that ended.", kind: counter,
		labels: []string{labelModel, labelOutcome}, title: "Retrainings", unit: "short",
	}
	loads = definition{
		name: "dwcpc_model_loads_total", help: "Versions loaded, and attempts to serve one that failed.", kind: counter,
		labels: []string{labelModel, labelOutcome}, title: "Loads", unit: "short",
	}
	serving = definition{
		name: "dwcpc_model_info", help: "1 for the version that serves.", kind: gauge,
		labels: []string{labelModel, labelVersion}, title: "Serving version", unit: "none",
	}
)

// definitions are all of them, in the dashboard's order.
func definitions() []definition {
	return []definition{
		ownersAccuracy, ownersLatency, ownersVersion, ownersConfidence, ownersRetrains, ownersPredictions,
		latency, predictions, accuracy, confidence, retrains, loads, serving,
	}
}

// Names returns the name of every metric, the owners' six first.
func Names() []string {
	var names []string
	for _, d := range definitions() {
		names = append(names, d.name)
	}
	return names
}
