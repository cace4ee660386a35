package features

import "fmt"

// Window keeps the raw samples of one group as a model that embeds its features takes them: a row for each timestep and for
// each sample that the features of the first one look back at, NaN before the first sample, under the same policies as a
// Stream's. One goroutine at a time may use it. It comes from Plan.NewWindow.
type Window struct {
	order
	rows
	row []float64
}

// NewWindow returns a window for a model of so many timesteps; a model of one row has 1.
func (p *Plan) NewWindow(timesteps int) (*Window, error) {
	if err := checkTimesteps(timesteps); err != nil {
		return nil, err
	}
	columns := len(p.spec.Columns)
	return &Window{order{plan: p}, newRows(timesteps+p.spec.Lookback(), columns), make([]float64, columns)}, nil
}

// maxTimesteps keeps a mistaken number from taking all memory.
const maxTimesteps = 100_000

func checkTimesteps(timesteps int) error {
	if timesteps < 1 || timesteps > maxTimesteps {
		return fmt.Errorf("features: %d timesteps, expected 1 to %d", timesteps, maxTimesteps)
	}
	return nil
}

// Push takes a sample as Stream.Push does.
func (w *Window) Push(at float64, row []float64) (Status, error) {
	v, err := w.judge(at, row)
	if err != nil {
		return Refused, err
	}
	if v == skip {
		return Skipped, nil
	}
	if v == begin {
		w.clear()
	}
	w.taken(at)
	copy(w.row, row)
	for _, c := range w.plan.categories {
		w.row[c.column] = c.place(row[c.column])
	}
	w.push(w.row)
	return Taken, nil
}

// Values returns the rows, oldest first, flat: Len()·columns values to feed the model. It is overwritten by the next Push.
func (w *Window) Values() []float32 { return w.all() }

// Len is the number of rows: the timesteps and the lookback.
func (w *Window) Len() int { return w.count }

// Forget makes the next sample the first one.
func (w *Window) Forget() {
	w.started = false
	w.clear()
}

// Sequence keeps the features of a group's last samples, float32, as a sequence model takes them. One goroutine at a time may
// use it. It comes from Plan.NewSequence.
type Sequence struct {
	stream *Stream
	kept   rows
}

// NewSequence returns a sequence for a model of so many timesteps.
func (p *Plan) NewSequence(timesteps int) (*Sequence, error) {
	if err := checkTimesteps(timesteps); err != nil {
		return nil, err
	}
	return &Sequence{p.NewStream(), newRows(timesteps, p.features)}, nil
}

// Push takes a sample as Stream.Push does. A gap that ends the group's history empties the sequence.
func (s *Sequence) Push(at float64, row []float64) (Status, error) {
	status, begins, err := s.stream.advance(at, row)
	if begins {
		s.kept.clear()
	}
	if status == Taken {
		s.kept.push(s.stream.features())
	}
	return status, err
}

// Values returns timesteps·features values, oldest first; rows before the first sample are NaN. It is overwritten by the next
// Push.
func (s *Sequence) Values() []float32 { return s.kept.all() }

// Full is whether each timestep has a sample: most sequence models were trained on no others.
func (s *Sequence) Full() bool { return s.kept.filled == s.kept.count }

// Forget makes the next sample the first one.
func (s *Sequence) Forget() {
	s.stream.Forget()
	s.kept.clear()
}
