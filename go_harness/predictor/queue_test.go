package predictor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// In these tests a slot that was taken out of the channel stands for a prediction that runs: it takes as long as the test
// wants. The bubble's clock stands still until every goroutine waits.

func TestQueuesWhileAllSlotsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := opened(t, goodDir, WithSlots(1))
		running := <-p.slots
		done := inBackground(func() error { return p.Predict(t.Context(), p.NewOutputs(), make([]float32, 6)) })
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		p.slots <- running
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStopsQueueingWhenTheContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := opened(t, goodDir, WithSlots(1))
		running := <-p.slots
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := p.Predict(ctx, p.NewOutputs(), make([]float32, 6))
		if waited := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || waited != time.Second {
			t.Errorf("got %v after %v", err, waited)
		}
		p.slots <- running
		if err := p.Predict(ctx, p.NewOutputs(), make([]float32, 6)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ran for a caller that is gone: %v", err)
		}
		if len(p.slots) != 1 {
			t.Errorf("%d idle slots, want 1", len(p.slots))
		}
	})
}

func TestCloseWaitsForWhatRunsAndTurnsAwayWhatQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := opened(t, goodDir, WithSlots(2))
		first, second := <-p.slots, <-p.slots
		queued := inBackground(func() error { return p.Predict(t.Context(), p.NewOutputs(), make([]float32, 6)) })
		synctest.Wait()
		closed := inBackground(p.Close)
		if err := <-queued; !errors.Is(err, ErrClosed) {
			t.Errorf("queued: got %v", err)
		}
		p.slots <- first
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("did not wait for the second: %v", err)
		default:
		}
		p.slots <- second
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := p.Predict(t.Context(), p.NewOutputs(), make([]float32, 6)); !errors.Is(err, ErrClosed) {
			t.Errorf("later: got %v", err)
		}
	})
}

func inBackground(call func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	return done
}

func TestClosesUnderLoad(t *testing.T) {
	p := opened(t, goodDir, WithSlots(2))
	var calls []<-chan error
	for range 8 {
		calls = append(calls, inBackground(func() error {
			out, row := p.NewOutputs(), window(p.Bundle(), 0)
			for {
				if err := p.Predict(context.Background(), out, row); err != nil {
					return err
				}
			}
		}))
	}
	time.Sleep(10 * time.Millisecond) // long enough for thousands of predictions, and no more than a chance is needed
	closings := []<-chan error{inBackground(p.Close), inBackground(p.Close)}
	for _, call := range calls {
		if err := <-call; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	for _, closing := range closings {
		if err := <-closing; err != nil {
			t.Error(err)
		}
	}
}
