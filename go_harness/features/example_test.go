package features_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/novacron/dwcpc/go_harness/features"
)

const latencySpec = `{
  "schema": "dwcpc.features/1", "name": "latency", "group": "node",
  "time": {"column": "timestamp", "late": "skip", "max_gap": 300},
  "columns": [{"name": "latency", "unit": "ms"}, {"name": "mode", "type": "category", "categories": ["standard", "fallback"]}],
  "steps": [
    {"name": "latency", "op": "copy", "of": "latency"},
    {"name": "latency_mean_3", "op": "rolling_mean", "of": "latency", "window": 3},
    {"name": "latency_change", "op": "difference", "of": "latency", "fill": 0},
    {"name": "mode_fallback", "op": "one_hot", "of": "mode", "category": "fallback"}
  ]
}`

func plan() *features.Plan {
	spec, err := features.Parse([]byte(latencySpec)) // or features.Read of a file
	if err != nil {
		log.Fatal(err)
	}
	return features.Compile(spec)
}

// A sample in, a feature vector out, for each node.
func ExampleGroups() {
	p := plan()
	groups := p.NewGroups(features.WithLimit(10_000))
	mode, err := p.Spec().Code("mode", "fallback")
	if err != nil {
		log.Fatal(err)
	}
	out := make([]float64, len(p.Spec().Features())) // to reuse: one for each goroutine
	for i, latency := range []float64{10, 14, 30} {
		status, err := groups.Push(out, "node-1", float64(i), []float64{latency, mode})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(status, out)
	}
	status, err := groups.Push(out, "node-1", 0, []float64{99, mode}) // older than the last one
	fmt.Println(status, err)
	// Output:
	// taken [10 10 0 1]
	// taken [14 12 4 1]
	// taken [30 18 16 1]
	// skipped <nil>
}

// A refused sample leaves no trace, and says why.
func ExampleStream() {
	stream := plan().NewStream()
	out := make([]float32, 4)
	_, err := stream.Push32(out, 1, []float64{10, 7})
	fmt.Println(errors.Is(err, features.ErrUnknownCategory), err)
	status, err := stream.Push32(out, 1, []float64{10, 0})
	fmt.Println(status, err, out)
	// Output:
	// true features: mode is 7, expected one of its 2 categories; nothing was taken from the sample
	// taken <nil> [10 10 0 0]
}

// A service that feeds the wrong columns learns of it when it starts.
func ExampleSpec_CheckColumns() {
	err := plan().Spec().CheckColumns([]string{"mode", "latency"})
	var other *features.ColumnsError
	fmt.Println(errors.As(err, &other))
	fmt.Println(err)
	// Output:
	// true
	// features: latency: column 0 of 2 is "mode", expected "latency" of the specification's 2; keep its names and its order
}

// A model that embeds its features takes the raw window: NaN before the first sample.
func ExampleWindow() {
	window, err := plan().NewWindow(1)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := window.Push(1, []float64{10, 0}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(window.Len(), window.Values())
	// Output: 3 [NaN NaN NaN NaN 10 0]
}

// A sequence model takes the features of the last samples.
func ExampleSequence() {
	sequence, err := plan().NewSequence(2)
	if err != nil {
		log.Fatal(err)
	}
	for i, latency := range []float64{10, 14} {
		if _, err := sequence.Push(float64(i), []float64{latency, 0}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(sequence.Full(), sequence.Values())
	// Output: true [10 10 0 0 14 12 4 0]
}

// A whole table has the same bits.
func ExamplePlan_Run() {
	computed, err := plan().Run(features.Table{
		Columns: [][]float64{{10, 14, 12}, {0, 1, 1}}, Groups: []string{"a", "a", "a"}, Times: []float64{1, 2, 0},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(computed.Rows, computed.Features)
	// Output: [0 1] [10 10 0 0 14 12 4 1]
}
