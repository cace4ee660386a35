package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/novacron/dwcpc/go_harness/bundle"
)

// Session entries of onnxruntime_session_options_config_keys.h.
const (
	intraSpinning = "session.intra_op.allow_spinning"
	interSpinning = "session.inter_op.allow_spinning"
)

var executionModes = map[string]ort.ExecutionMode{
	"sequential": ort.ExecutionModeSequential,
	"parallel":   ort.ExecutionModeParallel,
}

var optimizationLevels = map[string]ort.GraphOptimizationLevel{
	"none":     ort.GraphOptimizationLevelDisableAll,
	"basic":    ort.GraphOptimizationLevelEnableBasic,
	"extended": ort.GraphOptimizationLevelEnableExtended,
	"all":      ort.GraphOptimizationLevelEnableAll,
}

// Session is a loaded model. Any number of goroutines may open slots on it.
type Session struct {
	session *ort.DynamicAdvancedSession
	batch   int // the rows that every slot has; 0 for any number
	inputs  []bundle.Tensor
	outputs []bundle.Tensor

	mu     sync.Mutex
	slots  int
	closed bool
}

// NewSession loads a model from its bytes, which it does not keep. Inputs and outputs are what the caller will bind, in calls
// of batch rows, or of any number where that is 0; a model that has others is refused with a *SignatureError.
func (r *Runtime) NewSession(model []byte, settings bundle.SessionSettings, batch int, inputs, outputs []bundle.Tensor) (*Session, error) {
	if err := verifySignature(model, batch, inputs, outputs); err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, fmt.Errorf("engine: runtime: %w", ErrClosed)
	}
	options, err := sessionOptions(settings)
	if err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(model, names(inputs), names(outputs), options)
	err = errors.Join(err, options.Destroy())
	if err != nil {
		return nil, fmt.Errorf("engine: model.onnx cannot be loaded: %s", oneLine(err))
	}
	environment.Lock()
	environment.sessions++
	environment.Unlock()
	return &Session{session: session, batch: batch, inputs: slices.Clone(inputs), outputs: slices.Clone(outputs)}, nil
}

func names(tensors []bundle.Tensor) []string {
	names := make([]string, len(tensors))
	for i, tensor := range tensors {
		names[i] = tensor.Name
	}
	return names
}

// sessionOptions translates settings; the caller destroys the result.
func sessionOptions(settings bundle.SessionSettings) (*ort.SessionOptions, error) {
	mode, knownMode := executionModes[settings.ExecutionMode]
	level, knownLevel := optimizationLevels[settings.Optimization]
	if !knownMode || !knownLevel || settings.IntraOpThreads < 1 || settings.InterOpThreads < 1 {
		return nil, fmt.Errorf("engine: session settings are %+v, expected those of the bundle's schema", settings)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("engine: session options: %s", oneLine(err))
	}
	err = errors.Join(
		options.SetIntraOpNumThreads(settings.IntraOpThreads),
		options.SetInterOpNumThreads(settings.InterOpThreads),
		options.SetExecutionMode(mode),
		options.SetGraphOptimizationLevel(level),
		options.SetCpuMemArena(settings.Arena),
		options.AddSessionConfigEntry(intraSpinning, flag(settings.Spinning)),
		options.AddSessionConfigEntry(interSpinning, flag(settings.Spinning)),
	)
	if err != nil {
		return nil, fmt.Errorf("engine: session options: %s", oneLine(errors.Join(err, options.Destroy())))
	}
	return options, nil
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// Close unloads the model. It is refused with ErrInUse while slots are open.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.slots > 0 {
		return fmt.Errorf("engine: session has %d open slots: %w", s.slots, ErrInUse)
	}
	s.closed = true
	err := s.session.Destroy()
	environment.Lock()
	environment.sessions--
	environment.Unlock()
	if err != nil {
		return errors.New("engine: " + oneLine(err))
	}
	return nil
}
