package predictor_test

import (
	"context"
	"fmt"
	"log"

	dwcpc "github.com/novacron/dwcpc/go_harness"
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
	score, ok := p.Output("anomaly_score")
	if !ok {
		log.Fatal("the model has no anomaly_score")
	}

	out := p.NewOutputs() // reused for each prediction of this goroutine
	for _, window := range [][]float32{{0.5, -2, 0.4, -2.5, 0.3, -3}, {0.5, -2, 9, -2.5, 0.3, -3}} {
		if err := p.Predict(context.Background(), out, window); err != nil {
			log.Fatal(err)
		}
		anomaly, err := p.Anomaly(out)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("score %.3g, anomaly %v\n", out[score].Float32[0], anomaly)
	}
	// Output:
	// score 0.0412, anomaly false
	// score 11.7, anomaly true
}
