package encode_test

import (
	"fmt"
	"log"

	"github.com/novacron/dwcpc/go_harness/encode"
)

type Sample struct {
	Loss float64 `dwcpc:"packet_loss"`
	RTT  float64 `dwcpc:"rtt_ms"`
	Mode string  `dwcpc:"mode"`
}

func ExampleFor() {
	encoder, err := encode.For[Sample]([]string{"rtt_ms", "packet_loss", "mode"}, encode.Categories{"mode": {"fallback", "standard"}})
	if err != nil {
		log.Fatal(err)
	}
	row := make([]float32, 3) // to reuse
	encoder.Float32(row, &Sample{Loss: 0.25, RTT: 12, Mode: "standard"})
	fmt.Println(row)

	_, err = encode.For[Sample]([]string{"rtt_ms", "packet_loss", "mode", "jitter_ms"}, encode.Categories{"mode": {"fallback", "standard"}})
	fmt.Println(err)
	// Output:
	// [12 0.25 1]
	// encode: encode_test.Sample: column "jitter_ms": found no field, expected one field with its tag; add `dwcpc:"jitter_ms"` to the field that holds it
}
