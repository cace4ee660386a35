package measure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// ThreadClock reads the monotonic clock and the calling thread's CPU time.
type ThreadClock struct {
	origin time.Time
}

// NewThreadClock returns a clock whose wall time starts now, or an error where the kernel has no clock per thread.
func NewThreadClock() (ThreadClock, error) {
	if _, errno := threadCPUNs(); errno != 0 {
		return ThreadClock{}, fmt.Errorf("measure: CPU time of a thread: %w", errno)
	}
	return ThreadClock{origin: time.Now()}, nil
}

// WallNs returns monotonic time.
func (c ThreadClock) WallNs() int64 {
	return int64(time.Since(c.origin))
}

// CPUNs returns the calling thread's CPU time.
func (c ThreadClock) CPUNs() int64 {
	ns, _ := threadCPUNs() // NewThreadClock saw it work
	return ns
}

func threadCPUNs() (int64, syscall.Errno) {
	const threadCPUTime = 3 // CLOCK_THREAD_CPUTIME_ID of time.h; package syscall has no name for it
	var now syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano(), errno
}

// Process is what the kernel says about this process. PeakBytes is VmHWM; getrusage's ru_maxrss would hold the parent's
// peak, which a child inherits.
type Process struct {
	PeakBytes int64
	Threads   int64
}

// Self reads /proc/self/status.
func Self() (Process, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Process{}, fmt.Errorf("measure: %w", err)
	}
	peakKiB, errPeak := statusNumber(status, "VmHWM:")
	threads, errThreads := statusNumber(status, "Threads:")
	return Process{PeakBytes: peakKiB << 10, Threads: threads}, errors.Join(errPeak, errThreads)
}

func statusNumber(status []byte, key string) (int64, error) {
	_, rest, _ := bytes.Cut(status, []byte("\n"+key))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	number, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(line, []byte(" kB")))), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("measure: /proc/self/status has no number at %s", key)
	}
	return number, nil
}
