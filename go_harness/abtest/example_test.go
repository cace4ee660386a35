package abtest_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	dwcpc "github.com/novacron/dwcpc/go_harness"
	"github.com/novacron/dwcpc/go_harness/abtest"
	"github.com/novacron/dwcpc/go_harness/predictor"
)

func Example() {
	experiment, err := abtest.New(abtest.Config{
		Salt: "node reliability, autumn", Arms: []abtest.Arm{{Name: "v1.0", Weight: 9}, {Name: "v1.1", Weight: 1}},
		MaxSamples: 100_000, Promote: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1)) // the world: v1.0 is wrong in 20 of 100 cases, v1.1 in 10
	for i := 0; experiment.Decision().State == abtest.Running; i++ {
		arm := experiment.Assign(fmt.Sprint("request-", i))
		right := rng.Float64() >= [2]float64{0.20, 0.10}[arm]
		if err := experiment.RecordSuccess(arm, right); err != nil { // a look after each, and no harm done
			log.Fatal(err)
		}
	}
	decision, report := experiment.Decision(), experiment.Report()
	fmt.Println(decision.State, report.Arms[decision.Winner].Name, experiment.Assign("request-1"))
	fmt.Printf("v1.1 is wrong less often by %.2f to %.2f\n", -report.Differences[0].High, -report.Differences[0].Low)
	// Output:
	// won v1.1 1
	// v1.1 is wrong less often by 0.00 to 0.20
}

// A key's predictions all come from one arm; what a prediction was worth is recorded when the measurement arrives.
func ExampleRunner() {
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

	experiment, err := abtest.New(abtest.Config{Salt: "1", Arms: []abtest.Arm{{Name: "v1.0", Weight: 1}, {Name: "v1.1", Weight: 1}}})
	if err != nil {
		log.Fatal(err)
	}
	runner, err := abtest.NewRunner(experiment, p, p) // the same bundle here; two versions in a service
	if err != nil {
		log.Fatal(err)
	}
	out := p.NewOutputs()
	arm, err := runner.Predict(context.Background(), "node-17", out, []float32{0.5, -2, 9, -2.5, 0.3, -3})
	if err != nil {
		log.Fatal(err)
	}
	anomaly, err := p.Anomaly(out)
	if err != nil {
		log.Fatal(err)
	}
	measured := true // the node did fail
	if err := experiment.RecordSuccess(arm, anomaly == measured); err != nil {
		log.Fatal(err)
	}
	report := experiment.Report()
	fmt.Println(report.Decision.State, report.Arms[0].Losses+report.Arms[1].Losses, report.Arms[arm].Latencies)
	// Output:
	// running 1 1
}
