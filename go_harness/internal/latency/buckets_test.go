package latency

import (
	"math"
	"testing"
	"time"
)

func TestABucketHoldsWhatLiesBetweenItsEdges(t *testing.T) {
	for bucket := range Buckets {
		low, high := Edge(bucket), Edge(bucket+1)
		if got := Bucket(time.Duration(low)); got != bucket {
			t.Fatalf("%v ns is in bucket %d, want %d", low, got, bucket)
		}
		if last := Bucket(time.Duration(min(high, 1<<62)) - 1); last != bucket && bucket < Buckets-1 {
			t.Fatalf("%v ns is in bucket %d, want %d", high-1, last, bucket)
		}
		if high > steps && high/low > 1.016 && bucket < Buckets-1 {
			t.Fatalf("bucket %d is %v to %v ns", bucket, low, high)
		}
	}
	if Bucket(math.MaxInt64) != Buckets-1 || Bucket(0) != 0 || Bucket(-1) != 0 {
		t.Error("the ends are not in the first and the last bucket")
	}
}
