package observe_test

import (
	"context"
	"fmt"
	"log"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/observe"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func Example() {
	rt, err := dwcpc.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = rt.Close() }()
	p, err := predictor.Open(rt, "../../tests/fixtures/bundles/good")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	score, _ := p.Output("anomaly_score")

	timing := observe.NewTiming(p)
	history, err := observe.NewHistory(timing, 100)
	if err != nil {
		log.Fatal(err)
	}
	model := observe.NewConfidence(history, observe.Margin(score, *p.Bundle().Metadata.Decision), func(confidence float64) {
		fmt.Printf("confidence %.2f\n", confidence)
	})
	out := model.NewOutputs()
	for _, window := range [][]float32{{0.5, -2, 0.4, -2.5, 0.3, -3}, {0.5, -2, 9, -2.5, 0.3, -3}} {
		if err := model.Predict(context.Background(), out, window); err != nil {
			log.Fatal(err)
		}
	}
	for _, past := range history.Last(2) {
		fmt.Printf("score %.3g\n", past.Outputs[score].Float32[0])
	}
	fmt.Println(timing.Times().Count, "predictions")
	// Output:
	// confidence 0.86
	// confidence 1.00
	// score 0.0412
	// score 11.7
	// 2 predictions
}
