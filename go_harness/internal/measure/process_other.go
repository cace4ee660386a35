//go:build !linux

package measure

import "errors"

var errLinuxOnly = errors.New("measure: thread times and memory are read from Linux's kernel, this is another system")

// ThreadClock does not exist here.
type ThreadClock struct{}

// NewThreadClock fails.
func NewThreadClock() (ThreadClock, error) { return ThreadClock{}, errLinuxOnly }

// WallNs returns 0.
func (ThreadClock) WallNs() int64 { return 0 }

// CPUNs returns 0.
func (ThreadClock) CPUNs() int64 { return 0 }

// Process is what the kernel says about this process.
type Process struct {
	PeakBytes int64
	Threads   int64
}

// Self fails.
func Self() (Process, error) { return Process{}, errLinuxOnly }

// Processors is processor time.
type Processors struct{}

// ReadProcessors fails.
func ReadProcessors(Clock) (Processors, error) { return Processors{}, errLinuxOnly }

// OthersCores returns 0.
func (Processors) OthersCores(Processors) float64 { return 0 }
