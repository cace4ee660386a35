package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// What a command of Command finds in its environment.
const (
	EnvTrainingData = "DWCPC_TRAINING_DATA" // the path of a file as WriteCSV writes it, gone after the command
	EnvModel        = "DWCPC_MODEL"
	EnvReason       = "DWCPC_RETRAIN_REASON"
)

const (
	// commandPatience is between SIGTERM and SIGKILL.
	commandPatience = 10 * time.Second
	// maxOutput is how much of a command's last output an error quotes, in bytes.
	maxOutput = 2000
)

// Command returns a RetrainFunc that runs a program, without a shell, and takes its exit status: it has to train with the data
// of EnvTrainingData, compile, and publish. Where ctx is done it gets SIGTERM, and SIGKILL ten seconds later. An error quotes
// the end of what it printed.
func Command(name string, args ...string) RetrainFunc {
	return func(ctx context.Context, r Retraining) (err error) {
		path, err := exported(r.Collector)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(path)) }()
		command := exec.CommandContext(ctx, name, args...)
		command.Env = append(os.Environ(), EnvTrainingData+"="+path, EnvModel+"="+r.Model, EnvReason+"="+string(r.Reason))
		command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
		command.WaitDelay = commandPatience
		output := &tail{}
		command.Stdout, command.Stderr = output, output
		if err := command.Run(); err != nil {
			return fmt.Errorf("service: %s: %w: %s", name, err, output.text())
		}
		return nil
	}
}

func exported(c *Collector) (path string, err error) {
	file, err := os.CreateTemp("", "dwcpc-training-*.csv")
	if err != nil {
		return "", fmt.Errorf("service: %w", err)
	}
	if err := errors.Join(c.WriteCSV(file), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(text []byte) (int, error) {
	t.kept = append(t.kept, text...)
	if extra := len(t.kept) - maxOutput; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(text), nil
}

func (t *tail) text() string { return string(bytes.TrimSpace(t.kept)) }
