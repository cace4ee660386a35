package service

import (
	"context"
	"fmt"
	"time"
)

// Reason is why a model is retrained.
type Reason string

// The reasons.
const (
	ReasonAge      Reason = "age"      // the model is older than the RetrainInterval
	ReasonAccuracy Reason = "accuracy" // it is less accurate than MinAccuracy
	ReasonAsked    Reason = "asked"    // somebody called RequestRetrain
)

// Retraining is what a RetrainFunc gets to work with.
type Retraining struct {
	Model     string
	Reason    Reason
	Accuracy  Accuracy
	Collector *Collector // its WriteCSV has the data
}

// RetrainFunc trains the model again and publishes it, in which case it returns nil and the service reloads the model. It must
// return when ctx is done, which Close sees to: Close waits for it.
type RetrainFunc func(ctx context.Context, r Retraining) error

// retrainer decides when. Only the service's loop uses it.
type retrainer struct {
	running bool
	trained time.Time // when the service last retrained
	tries   int       // failures since
	next    time.Time // before which a failure is not followed by another attempt
	again   Reason    // of the attempt that failed; empty for none
}

// due returns why to retrain now, or nothing.
func (s *Service) due() Reason {
	now, r := time.Now(), &s.retrainer
	accuracy := s.Accuracy()
	switch {
	case s.config.Retrain == nil || r.running || now.Before(r.next):
		return ""
	case r.again != "":
		return r.again
	case s.collector.Len() < s.config.MinSamples:
		return "" // there is nothing to train with
	case accuracy.Scored >= s.config.MinScored*len(s.targets) && accuracy.Ratio < s.config.MinAccuracy:
		return ReasonAccuracy
	case now.Sub(r.since(s.model.Created())) >= s.config.RetrainInterval:
		return ReasonAge
	}
	return ""
}

// since is when what serves was trained. A retraining that published nothing better counts as well: the next one would do no
// more.
func (r *retrainer) since(created time.Time) time.Time {
	if created.After(r.trained) {
		return created
	}
	return r.trained
}

func (r *retrainer) ended(now time.Time, c *Config, reason Reason, err error) {
	r.running = false
	if err == nil {
		*r = retrainer{trained: now}
		return
	}
	r.again = reason
	r.next = now.Add(c.RetryAfter << min(r.tries, maxRetryDoublings))
	r.tries++
}

// retrained is one retraining that ended.
type retrained struct {
	reason Reason
	err    error
}

// startRetraining runs one apart from the loop, which goes on predicting, and tells the loop of its end.
func (s *Service) startRetraining(ctx context.Context, reason Reason) {
	s.retrainer.running = true
	job := Retraining{Model: s.model.Name(), Reason: reason, Accuracy: s.Accuracy(), Collector: s.collector}
	s.config.Logger.Info("retraining begins", "model", job.Model, "reason", string(reason))
	go func() {
		s.retrainings <- retrained{reason, s.retrain(ctx, job)}
	}()
}

// retrain trains and reloads. A callback that panics is one that failed: it is not the service's to end the process.
func (s *Service) retrain(ctx context.Context, job Retraining) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("service: retraining panicked: %v", problem)
		}
	}()
	if err := s.config.Retrain(ctx, job); err != nil {
		return err
	}
	return s.model.Reload()
}

func (s *Service) endRetraining(ctx context.Context, r retrained) {
	now := time.Now()
	s.retrainer.ended(now, &s.config, r.reason, r.err)
	if ctx.Err() != nil && r.err != nil {
		return // Close ended it: nobody has to act
	}
	s.config.Observer.Retrained(s.model.Name(), r.err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.err != nil {
		s.status.RetrainFailures++
		s.status.RetrainFailure = r.err
		s.config.Logger.Warn("retraining failed", "model", s.model.Name(), "reason", string(r.reason), "error", r.err, "next", s.retrainer.next)
		return
	}
	s.tracker.reset() // what the old model got wrong is no reason to train the new one again
	s.status.Retrainings++
	s.status.RetrainFailure = nil
	s.config.Logger.Info("retraining ended", "model", s.model.Name(), "reason", string(r.reason))
}
