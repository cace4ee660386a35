// Command dwcpc-harness runs bundles in Go for `dwcpc verify`, `bench` and `gate`. It prints one JSON object on stdout and
// nothing else; a failure is {"error": {"kind", "message"}}, and its exit code tells whose it is.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// version is the project's; a test holds it to pyproject.toml.
const version = "0.1.0"

// Exit codes, as everywhere in dwcpc.
const (
	exitGood     = 0
	exitMismatch = 1
	exitInput    = 2
	exitInternal = 3
)

// command reads its flags from args and returns the object to print.
type command struct {
	name string
	run  func(args []string) (any, error)
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program.
func run(args []string, stdout, stderr io.Writer) int {
	return guarded(stdout, stderr, func() (any, error) { return dispatch(args) })
}

// guarded prints what body returns, or why it did not; stderr gets what only helps to find a bug.
func guarded(stdout, stderr io.Writer, body func() (any, error)) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			_, _ = fmt.Fprintf(stderr, "%v\n%s", cause, debug.Stack())
			code = fail(stdout, &internalError{cause})
		}
	}()
	result, err := body()
	if err != nil {
		return fail(stdout, err)
	}
	if err := printJSON(stdout, result); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitInternal
	}
	return exitGood
}

func dispatch(args []string) (any, error) {
	commands := []command{
		{"version", runVersion}, {"check", runCheck}, {"run", runRun}, {"bench", runBench}, {"pair", runPair}, {"load", runLoad},
		{"together", runTogether}, {"features", runFeatures},
	}
	known := make([]string, len(commands))
	for i, c := range commands {
		if len(args) > 0 && args[0] == c.name {
			return c.run(args[1:])
		}
		known[i] = c.name
	}
	if len(args) == 0 {
		return nil, usagef("no command, expected one of %s", strings.Join(known, ", "))
	}
	return nil, usagef("command is %q, expected one of %s", args[0], strings.Join(known, ", "))
}

// printJSON writes one JSON object and a newline.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
