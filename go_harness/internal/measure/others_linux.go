package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// tickNs is what the kernel counts processor time in for its users: USER_HZ is 100 on every Linux.
const tickNs = 10_000_000

// Processors is processor time in ns since some origin: of the whole machine, what the hypervisor took of it included, and of
// this process.
type Processors struct {
	wallNs, allNs, ownNs int64
}

// ReadProcessors reads /proc/stat; a machine that does not count there is an error.
func ReadProcessors(clock Clock) (Processors, error) {
	all, err := machineNs()
	if err != nil {
		return Processors{}, err
	}
	own, err := processNs()
	return Processors{wallNs: clock.WallNs(), allNs: all, ownNs: own}, err
}

// OthersCores is the processor time that others than this process used since before, as a number of cores.
func (p Processors) OthersCores(before Processors) float64 {
	others := (p.allNs - before.allNs) - (p.ownNs - before.ownNs)
	return max(0, float64(others)) / float64(max(p.wallNs-before.wallNs, 1))
}

func machineNs() (int64, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("measure: %w", err)
	}
	return busyNs(content)
}

// busyNs adds what the first line of /proc/stat calls user, nice, system, irq, softirq and steal.
func busyNs(stat []byte) (int64, error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("measure: /proc/stat begins with %.40q", line)
	}
	var ticks int64
	for _, field := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(string(fields[field]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure: /proc/stat: %w", err)
		}
		ticks += n
	}
	if ticks == 0 {
		return 0, fmt.Errorf("measure: /proc/stat counts nothing")
	}
	return ticks * tickNs, nil
}

func processNs() (int64, error) {
	const processCPUTime = 2 // CLOCK_PROCESS_CPUTIME_ID of time.h
	var now syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, processCPUTime, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		return 0, fmt.Errorf("measure: CPU time of the process: %w", errno)
	}
	return now.Nano(), nil
}
