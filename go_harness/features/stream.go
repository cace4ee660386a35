package features

// Status is what became of a sample.
type Status int

// What becomes of a sample. A refused one comes with an error.
const (
	Refused Status = iota // nothing was taken from it
	Skipped               // by the specification's policy: it has no features and leaves no trace
	Taken
)

// String names the status.
func (s Status) String() string { return [...]string{"refused", "skipped", "taken"}[s] }

// Stream computes the features of one group, sample by sample, without allocating; what a sample costs is bounded by the
// windows, however many came before. One goroutine at a time may use it. It comes from Plan.NewStream.
type Stream struct {
	order
	memory
}

// NewStream returns a stream without a history: each sample before the first one is a row of NaN.
func (p *Plan) NewStream() *Stream {
	return &Stream{order{plan: p}, newMemory(p)}
}

// Push takes a sample at a time, which a specification without one ignores. The row has a value for each raw column, in the
// specification's order; for a category column it is what Spec.Code returns. It writes the features to dst, which is left
// alone where the status is not Taken. A refused sample is a *SampleError that wraps its cause; a slice of another length is a
// *LengthError.
func (s *Stream) Push(dst []float64, at float64, row []float64) (Status, error) {
	if len(dst) != s.plan.features {
		return Refused, &LengthError{What: "features", Found: len(dst), Expected: s.plan.features}
	}
	status, _, err := s.advance(at, row)
	if status == Taken {
		copy(dst, s.features())
	}
	return status, err
}

// Push32 is Push with the features rounded to float32, as a model takes them.
func (s *Stream) Push32(dst []float32, at float64, row []float64) (Status, error) {
	if len(dst) != s.plan.features {
		return Refused, &LengthError{What: "features", Found: len(dst), Expected: s.plan.features}
	}
	status, _, err := s.advance(at, row)
	if status == Taken {
		rounded(dst, s.features())
	}
	return status, err
}

func rounded(dst []float32, src []float64) {
	for i, x := range src {
		dst[i] = float32(x)
	}
}

// features are those of the sample that was taken last.
func (s *Stream) features() []float64 {
	columns := len(s.plan.spec.Columns)
	return s.values[columns : columns+s.plan.features]
}

// advance takes a sample; begins tells whether its group's history was forgotten first.
func (s *Stream) advance(at float64, row []float64) (status Status, begins bool, err error) {
	v, err := s.judge(at, row)
	if err != nil {
		return Refused, false, err
	}
	if v == skip {
		return Skipped, false, nil
	}
	if v == begin {
		s.forget()
	}
	s.taken(at)
	s.compute(row)
	return Taken, v == begin, nil
}

// compute makes row the present sample.
func (s *Stream) compute(row []float64) {
	copy(s.values, row)
	for _, c := range s.plan.categories {
		s.values[c.column] = c.place(row[c.column])
	}
	for _, kernel := range s.plan.kernels {
		kernel.run(&s.memory)
	}
}

// Forget makes the next sample the first one.
func (s *Stream) Forget() {
	s.started = false
	s.forget()
}
