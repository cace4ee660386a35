// Command writedashboard writes package metrics' Grafana dashboard into the file that it is given.
package main

import (
	"log"
	"os"

	"github.com/novacron/dwcpc/go_harness/metrics"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("writedashboard: %d arguments, expected one, the file", len(os.Args)-1)
	}
	if err := os.WriteFile(os.Args[1], metrics.Dashboard(), 0o644); err != nil {
		log.Fatal(err)
	}
}
