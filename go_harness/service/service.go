// Package service predicts on its own, at an interval, from the samples that it is given, and compares what it predicted with
// what was measured later. When the model grows old or inaccurate it has it trained again and serves the new version.
//
// For models of network links it answers how many streams and how large a buffer fill the link that is predicted.
//
// A Service reads the clock by package time alone, so the tests of whoever uses it need not sleep: in a bubble of
// testing/synctest, a day passes at once.
package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Prediction is what the model made of one window. It is shared: do not change it.
type Prediction struct {
	Made    time.Time
	For     time.Time // the time that is predicted: the window's last sample and the Horizon
	Version string
	Values  []float64 // one for each of the model's targets
	// Confidence is the accuracy's, when the prediction was made.
	Confidence float64
	Took       time.Duration
}

// Status is how a Service is, for a health check.
type Status struct {
	Predictions int
	Failures    int   // windows that could not be predicted from
	Failure     error // why the last window could not; nil when it could. ErrTooFewSamples until there are enough
	Retrainings int   // that ended well
	// RetrainFailures counts those that did not, and RetrainFailure is why the last one did not; nil when it did.
	RetrainFailures int
	RetrainFailure  error
}

// Service predicts until it is closed. Any number of goroutines may use it. It comes from New.
type Service struct {
	model     Model
	targets   []string
	config    Config
	collector *Collector
	link      linkIndex

	window      []float32 // the loop's own
	retrainer   retrainer // the loop's own
	retrainings chan retrained
	asked       chan struct{}
	cancel      context.CancelFunc
	done        chan struct{}

	mu       sync.Mutex // guards what follows
	tracker  tracker
	latest   *Prediction
	measured []float64 // the last ones; nil before
	status   Status
}

// New starts a Service for the model. What is wrong with config is a *ConfigError.
func New(model Model, config Config) (*Service, error) {
	targets := model.Targets()
	config, err := config.whole(targets)
	if err != nil {
		return nil, err
	}
	channels := model.Channels()
	if config.Samples < model.Steps() {
		return nil, &ConfigError{Field: "Samples", Found: config.Samples, Expected: fmt.Sprintf("at least the model's window of %d", model.Steps())}
	}
	collector, err := NewCollector(channels, config.Samples)
	if err != nil {
		return nil, err
	}
	tolerances := make([]Tolerance, len(targets))
	for i, target := range targets {
		tolerances[i] = Tolerance{Relative: DefaultTolerance}
		if own, ok := config.Tolerances[target]; ok {
			tolerances[i] = own
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{
		model: model, targets: targets, config: config, collector: collector, link: indexOf(config.Link, targets),
		window:      make([]float32, model.Steps()*len(channels)),
		retrainings: make(chan retrained, 1), asked: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
		tracker: tracker{tolerances: tolerances, window: config.AccuracyWindow, slack: config.Interval / 2},
	}
	go s.run(ctx)
	return s, nil
}

// Close ends the service: it waits for the prediction and the retraining that run, which their context tells to end. Closing
// again is harmless. The model stays open.
func (s *Service) Close() error {
	s.cancel()
	<-s.done
	return nil
}

// Collector returns what the samples go to.
func (s *Service) Collector() *Collector { return s.collector }

// Targets returns what the values of a Prediction are.
func (s *Service) Targets() []string { return slices.Clone(s.targets) }

// Latest returns the last prediction; it is false where there is none, or its time is longer ago than the Validity.
func (s *Service) Latest() (Prediction, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil || time.Since(s.latest.For) > s.config.Validity {
		return Prediction{}, false
	}
	return *s.latest, true
}

// Measured tells the service what the targets really were at a time, in order of time. It is compared with the prediction for
// that time, half an Interval more or less; compared is false where there is none. Values that are not as many as the targets,
// or not finite, are a *SampleError or ErrNotFinite.
func (s *Service) Measured(at time.Time, values []float64) (compared bool, err error) {
	if len(values) != len(s.targets) {
		return false, &SampleError{At: at, Found: len(values), Expected: len(s.targets)}
	}
	if !finite(values) {
		return false, fmt.Errorf("measurement of %s: %w", at.Format(time.RFC3339), ErrNotFinite)
	}
	s.mu.Lock()
	s.measured = slices.Clone(values)
	compared = s.tracker.measured(at, values)
	accuracy := s.tracker.accuracy()
	s.mu.Unlock()
	if compared {
		s.config.Observer.Accuracy(s.model.Name(), accuracy.Version, accuracy.Ratio)
	}
	return compared, nil
}

// Accuracy returns how the predictions turned out.
func (s *Service) Accuracy() Accuracy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tracker.accuracy()
}

// Status returns how the service is.
func (s *Service) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// RequestRetrain has the model retrained soon, unless it is being retrained already. It does nothing without a RetrainFunc.
func (s *Service) RequestRetrain() {
	select {
	case s.asked <- struct{}{}:
	default: // somebody has asked already
	}
}

// run is the loop: it alone predicts, and it starts one retraining at a time.
func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(s.config.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if s.retrainer.running {
				s.endRetraining(ctx, <-s.retrainings)
			}
			return
		case <-tick.C:
			s.predict(ctx)
			if reason := s.due(); reason != "" {
				s.startRetraining(ctx, reason)
			}
		case <-s.asked:
			if s.config.Retrain != nil && !s.retrainer.running {
				s.startRetraining(ctx, ReasonAsked)
			}
		case r := <-s.retrainings:
			s.endRetraining(ctx, r)
		}
	}
}

// predict predicts from the newest window, and keeps the prediction or the reason why there is none.
func (s *Service) predict(ctx context.Context) {
	p, err := s.predicted(ctx)
	if err != nil {
		s.failed(ctx, err)
		return
	}
	s.mu.Lock()
	s.status.Failure = nil
	if s.latest != nil && p.For.Equal(s.latest.For) && p.Version == s.latest.Version {
		s.mu.Unlock() // no sample came since: the same prediction again would be compared twice
		return
	}
	s.tracker.predicted(p)
	p.Confidence = s.tracker.accuracy().Confidence
	s.latest = &p
	s.status.Predictions++
	s.mu.Unlock()
	s.config.Observer.Confidence(s.model.Name(), p.Version, p.Confidence)
}

// failed keeps the reason, and says it once.
func (s *Service) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // Close ended it
	}
	s.mu.Lock()
	repeated := s.status.Failure != nil && s.status.Failure.Error() == err.Error()
	s.status.Failure = err
	early := errors.Is(err, ErrTooFewSamples)
	if !early {
		s.status.Failures++
	}
	s.mu.Unlock()
	if !repeated && !early {
		s.config.Logger.Warn("no prediction", "model", s.model.Name(), "error", err)
	}
}

func (s *Service) predicted(ctx context.Context) (Prediction, error) {
	newest, ok := s.collector.Window(s.window)
	if !ok {
		return Prediction{}, ErrTooFewSamples
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	p := Prediction{Made: time.Now(), For: newest.Add(s.config.Horizon), Values: make([]float64, len(s.targets))}
	version, err := s.model.Predict(ctx, p.Values, s.window)
	if err != nil {
		return Prediction{}, err
	}
	if !finite(p.Values) {
		return Prediction{}, ErrNotFinite
	}
	p.Version, p.Took = version, time.Since(p.Made)
	return p, nil
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(value float64) bool { return math.IsNaN(value) || math.IsInf(value, 0) })
}
