package service_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/novacron/dwcpc/go_harness/features"
	"github.com/novacron/dwcpc/go_harness/service"
)

// persistence predicts that the link stays as it is. A real service has service.FromRegistry(handle) instead.
type persistence struct{}

func (persistence) Name() string       { return "bandwidth_predictor" }
func (persistence) Channels() []string { return []string{"throughput", "rtt"} }
func (persistence) Steps() int         { return 2 }
func (persistence) Targets() []string  { return []string{"bandwidth", "latency"} }
func (persistence) Created() time.Time { return time.Now() }
func (persistence) Reload() error      { return nil }

func (persistence) Predict(_ context.Context, dst []float64, window []float32) (string, error) {
	dst[0], dst[1] = float64(window[2]), float64(window[3])
	return "1.0", nil
}

func Example() {
	s, err := service.New(persistence{}, service.Config{
		Interval: 5 * time.Millisecond, // a minute where it is left out
		Validity: time.Minute,
		Retrain:  service.Command("dwcpc", "retrain", "--registry", "registry"), // daily, or when accuracy is lost
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	// Whatever measures the link adds its samples, and says what the targets really were: s.Measured.
	begin := time.Now()
	for i, sample := range [][]float32{{900, 82}, {1000, 80}} {
		if err := s.Collector().Add(begin.Add(time.Duration(i)*time.Millisecond), sample); err != nil {
			log.Fatal(err)
		}
	}
	for {
		if p, ok := s.Latest(); ok {
			fmt.Println(p.Version, p.Values, p.Confidence)
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println(s.OptimalStreamCount(), "streams") // the fallback: nothing was compared yet, so there is no confidence
	// Output:
	// 1.0 [1000 80] 0
	// 4 streams
}

func ExampleRaw() {
	spec, err := features.Parse([]byte(`{
	 "schema": "dwcpc.features/1", "name": "link", "time": {"column": "at"},
	 "columns": [{"name": "mbps"}],
	 "steps": [{"name": "throughput", "op": "copy", "of": "mbps"}, {"name": "change", "op": "difference", "of": "mbps", "fill": 0}]
	}`)) // a bundle has its own: m.Bundle().Metadata.Features
	if err != nil {
		log.Fatal(err)
	}
	collector, err := service.NewCollector([]string{"throughput", "change"}, 1000) // a Service has its own: s.Collector()
	if err != nil {
		log.Fatal(err)
	}
	raw, err := service.NewRaw(spec, collector)
	if err != nil {
		log.Fatal(err)
	}
	begin := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for i, mbps := range []float64{912.5, 900} {
		if err := raw.Add(begin.Add(time.Duration(i)*time.Second), []float64{mbps}); err != nil {
			log.Fatal(err)
		}
	}
	window := make([]float32, 4)
	_, ok := collector.Window(window)
	fmt.Println(window, ok)
	// Output:
	// [912.5 0 900 -12.5] true
}

func ExampleLinkLimits() {
	limits := service.DefaultLinkLimits()
	link := service.Link{BandwidthMbps: 1000, LatencyMs: 80, PacketLoss: 0, JitterMs: 2, Confidence: 0.9}
	fmt.Println(limits.StreamCount(link), "streams of", limits.BufferSize(link), "bytes")
	// Output:
	// 9 streams of 1048576 bytes
}

func ExampleCollector_WriteCSV() {
	c, err := service.NewCollector([]string{"throughput", "rtt"}, 1000)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Add(time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), []float32{912.5, 80}); err != nil {
		log.Fatal(err)
	}
	if err := c.WriteCSV(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// time,throughput,rtt
	// 2024-02-29T12:00:00Z,912.5,80
}
