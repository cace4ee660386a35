package registry

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// maxDoublings bounds the wait between attempts: 64 times the interval.
const maxDoublings = 6

// failure is the last attempt to load, where it failed.
type failure struct {
	state string // what the disk held
	err   error
	tries int // with this state
	next  time.Time
}

// holds reports whether another attempt would only repeat the last one: nothing changed on the disk, and what else may have been
// wrong, such as too little memory, was given its time.
func (f failure) holds(state string, now time.Time) bool {
	return f.err != nil && f.state == state && now.Before(f.next)
}

// again returns the failure after another attempt. Attempts at the same state become rarer.
func (f failure) again(state string, err error, interval time.Duration) failure {
	tries := 1
	if f.state == state {
		tries += f.tries
	}
	return failure{state: state, err: err, tries: tries, next: time.Now().Add(interval << min(tries, maxDoublings))}
}

// maxStateEntries bounds what is looked at in a folder that is no bundle's.
const maxStateEntries = 1000

// stateOf describes what an attempt would load: name, size and time of each of the version's files, or why there are none.
func stateOf(t target, problem error) string {
	var state strings.Builder
	fmt.Fprintln(&state, t.folder, t.digest, problem)
	if t.folder == "" {
		return state.String()
	}
	entries := 0
	// What cannot be read is a part of the description too; the error is always SkipAll's nil.
	_ = filepath.WalkDir(t.folder, func(path string, entry fs.DirEntry, err error) error {
		if entries++; entries > maxStateEntries {
			return filepath.SkipAll
		}
		if err != nil {
			fmt.Fprintln(&state, path, err)
			return nil
		}
		if info, err := entry.Info(); err == nil {
			fmt.Fprintln(&state, path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return state.String()
}
