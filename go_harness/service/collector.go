package service

import (
	"slices"
	"sync"
	"time"
)

// Collector keeps the latest samples of a model's channels in a ring. Any number of goroutines may use it. It comes from
// NewCollector.
type Collector struct {
	channels []string

	mu     sync.Mutex // guards what follows
	times  []time.Time
	values []float32 // sample i of the ring at i*len(channels)
	next   int       // where the next sample goes
	count  int
	recent int // how many came since begin, or the first; count at most
}

// NewCollector returns a Collector of the last capacity samples, each of one value for every channel.
func NewCollector(channels []string, capacity int) (*Collector, error) {
	if len(channels) == 0 || capacity < 1 {
		return nil, &ConfigError{Field: "collector", Found: []int{len(channels), capacity}, Expected: "at least 1 channel and room for 1 sample"}
	}
	return &Collector{
		channels: slices.Clone(channels), times: make([]time.Time, capacity), values: make([]float32, capacity*len(channels)),
	}, nil
}

// Channels returns what a sample consists of, in order.
func (c *Collector) Channels() []string { return slices.Clone(c.channels) }

// Add keeps a copy of one sample, in place of the oldest where the ring is full. A sample of another length, or one that is not
// later than the last, is a *SampleError: a window of them would be another one than the model was trained on. NaN is a value
// that is missing. It allocates nothing unless it fails.
func (c *Collector) Add(at time.Time, values []float32) error {
	if len(values) != len(c.channels) {
		return &SampleError{At: at, Found: len(values), Expected: len(c.channels)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count > 0 {
		if last := c.times[c.at(c.count-1)]; !at.After(last) {
			return &SampleError{At: at, Last: last}
		}
	}
	c.times[c.next] = at
	copy(c.row(c.next), values)
	c.next = (c.next + 1) % len(c.times)
	c.count = min(c.count+1, len(c.times))
	c.recent = min(c.recent+1, len(c.times))
	return nil
}

// Len returns how many samples there are.
func (c *Collector) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// Window copies the last samples into dst, the oldest first, as many as it has room for, and returns the time of the newest. It
// is false where there are fewer, or fewer since a gap.
func (c *Collector) Window(dst []float32) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	steps := len(dst) / len(c.channels)
	if steps == 0 || steps > c.recent {
		return time.Time{}, false
	}
	for step := range steps {
		copy(dst[step*len(c.channels):], c.row(c.at(c.count-steps+step)))
	}
	return c.times[c.at(c.count-1)], true
}

// begin has no window reach behind the next sample; what was collected stays.
func (c *Collector) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = 0
}

// at returns where in the ring the sample i is, 0 being the oldest.
func (c *Collector) at(i int) int {
	return (c.next - c.count + i + len(c.times)) % len(c.times)
}

func (c *Collector) row(at int) []float32 {
	return c.values[at*len(c.channels) : (at+1)*len(c.channels)]
}

// snapshot returns copies of all samples, the oldest first.
func (c *Collector) snapshot() ([]time.Time, []float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	times, values := make([]time.Time, c.count), make([]float32, 0, c.count*len(c.channels))
	for i := range times {
		times[i] = c.times[c.at(i)]
		values = append(values, c.row(c.at(i))...)
	}
	return times, values
}
