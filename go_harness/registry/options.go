package registry

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

const (
	// defaultInterval bounds how long a change stays unseen where the file system tells nobody of it.
	defaultInterval = 10 * time.Second
	// defaultDebounce is longer than a publisher needs from the first rename to the last.
	defaultDebounce = 200 * time.Millisecond
)

// Option changes how Open sets up a Registry.
type Option func(*options)

type options struct {
	watch           bool
	interval        time.Duration
	debounce        time.Duration
	logger          *slog.Logger
	observers       []Observer
	contractChanges bool
	predictor       []predictor.Option
}

// Watch has every handle follow `latest` by itself: the registry's folder and the models' are watched, and looked at
// regularly too, as network file systems and mounted volumes tell nobody what changed. Without it only Reload looks.
func Watch() Option {
	return func(o *options) { o.watch = true }
}

// WithInterval sets how often Watch looks, whether or not it was told of a change; the default is 10 seconds.
func WithInterval(interval time.Duration) Option {
	return func(o *options) { o.interval = interval }
}

// WithDebounce sets how long Watch waits for further changes after one that it was told of; the default is 200 ms. Changes
// that never end are looked at after ten times as long.
func WithDebounce(quiet time.Duration) Option {
	return func(o *options) { o.debounce = quiet }
}

// WithLogger has the registry say what it does: what serves, and each reason not to serve once.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) { o.logger = logger }
}

// WithObserver adds an observer of events and predictions.
func WithObserver(observer Observer) Option {
	return func(o *options) { o.observers = append(o.observers, observer) }
}

// WithSlots sets how many predictions of one version run at once, as predictor.WithSlots does.
func WithSlots(n int) Option {
	return func(o *options) { o.predictor = append(o.predictor, predictor.WithSlots(n)) }
}

// WithBatch lets PredictBatch take up to rows rows in one call, as predictor.WithBatch does.
func WithBatch(rows int) Option {
	return func(o *options) { o.predictor = append(o.predictor, predictor.WithBatch(rows)) }
}

// WithContractChanges lets a handle move to a version of another contract: other channels, outputs, or scaling by the caller.
// Whoever allows that must take the version with Acquire, prepare the window by its Bundle, and take its NewOutputs: through
// the handle, outputs of another version's shape fail with a *predictor.LengthError, and other columns of the same number
// would be predicted from without a word.
func WithContractChanges() Option {
	return func(o *options) { o.contractChanges = true }
}

func newOptions(opts []Option) (options, error) {
	o := options{interval: defaultInterval, debounce: defaultDebounce, logger: slog.New(slog.DiscardHandler)}
	for _, apply := range opts {
		apply(&o)
	}
	if o.interval <= 0 || o.debounce <= 0 {
		return o, fmt.Errorf("registry: interval is %v and debounce %v, expected more than 0", o.interval, o.debounce)
	}
	return o, nil
}
