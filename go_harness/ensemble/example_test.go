package ensemble_test

import (
	"context"
	"fmt"
	"log"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/ensemble"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func Example() {
	rt, err := dwcpc.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = rt.Close() }()
	var members []ensemble.Member
	for name, weight := range map[string]float64{"v1.0": 3, "v1.1": 1} { // the same bundle here; two versions in a service
		p, err := predictor.Open(rt, "../../tests/fixtures/bundles/good")
		if err != nil {
			log.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		members = append(members, ensemble.Member{Name: name, Model: p, Weight: weight})
	}

	both, err := ensemble.NewAverage(members, ensemble.DropFailing(1))
	if err != nil {
		log.Fatal(err)
	}
	out := both.NewOutputs() // reused for each prediction of this goroutine
	if err := both.Predict(context.Background(), out, []float32{0.5, -2, 9, -2.5, 0.3, -3}); err != nil {
		log.Fatal(err)
	}
	anomaly, err := members[0].Model.(*predictor.Predictor).Anomaly(out) // its threshold, on the averaged score
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("score %.3g, anomaly %v\n", out[1].Float32[0], anomaly)

	vote, err := ensemble.NewVote(members)
	if err != nil {
		log.Fatal(err)
	}
	flag, err := vote.Anomaly(context.Background(), []float32{0.5, -2, 9, -2.5, 0.3, -3})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("anomaly %v, by %.0f %% of the weight of %d members\n", flag.Anomaly, 100*flag.Share, flag.Members)
	// Output:
	// score 11.7, anomaly true
	// anomaly true, by 100 % of the weight of 2 members
}
