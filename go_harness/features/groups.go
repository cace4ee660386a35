package features

import "sync"

// Groups keeps a Stream for each group. Any number of goroutines may use it: samples of different groups are computed at once.
// It comes from Plan.NewGroups.
type Groups struct {
	plan    *Plan
	limit   int
	mu      sync.RWMutex
	streams map[string]*locked
}

// locked is a stream behind its own lock.
type locked struct {
	mu     sync.Mutex
	stream *Stream
}

// GroupsOption changes how NewGroups sets up Groups.
type GroupsOption func(*Groups)

// WithLimit bounds the number of groups: a sample of one more is a *LimitError. The default is 100,000.
func WithLimit(n int) GroupsOption { return func(g *Groups) { g.limit = n } }

const defaultLimit = 100_000

// NewGroups returns Groups without a history.
func (p *Plan) NewGroups(opts ...GroupsOption) *Groups {
	g := &Groups{plan: p, limit: defaultLimit, streams: map[string]*locked{}}
	for _, apply := range opts {
		apply(g)
	}
	return g
}

// Push takes a sample of the group that key names, as Stream.Push does. An empty key is refused; a specification without a
// group ignores it.
func (g *Groups) Push(dst []float64, key string, at float64, row []float64) (Status, error) {
	return g.with(key, func(s *Stream) (Status, error) { return s.Push(dst, at, row) })
}

// Push32 is Push with the features rounded to float32, as a model takes them.
func (g *Groups) Push32(dst []float32, key string, at float64, row []float64) (Status, error) {
	return g.with(key, func(s *Stream) (Status, error) { return s.Push32(dst, at, row) })
}

func (g *Groups) with(key string, push func(*Stream) (Status, error)) (Status, error) {
	key, err := g.plan.key(key)
	if err != nil {
		return Refused, err
	}
	g.mu.RLock()
	known := g.streams[key]
	g.mu.RUnlock()
	if known == nil {
		return g.first(key, push)
	}
	return known.with(push)
}

func (l *locked) with(push func(*Stream) (Status, error)) (Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return push(l.stream)
}

// first takes what may be a group's first sample. Only one that is taken makes a group.
func (g *Groups) first(key string, push func(*Stream) (Status, error)) (Status, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.streams[key]; known != nil {
		return known.with(push)
	}
	if len(g.streams) >= g.limit {
		return Refused, &LimitError{Key: key, Limit: g.limit}
	}
	stream := g.plan.NewStream()
	status, err := push(stream)
	if status == Taken {
		g.streams[key] = &locked{stream: stream}
	}
	return status, err
}

// key returns the name of a row's group.
func (p *Plan) key(key string) (string, error) {
	if p.spec.Group == "" {
		return "", nil
	}
	if key == "" {
		return "", &SampleError{Row: NoRow, Column: p.spec.Group, Found: "missing", Expected: "the key of its group", Err: ErrNoGroup}
	}
	return key, nil
}

// Forget drops a group and its history.
func (g *Groups) Forget(key string) {
	if g.plan.spec.Group == "" {
		key = ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, key)
}

// Len is the number of groups that have a history.
func (g *Groups) Len() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.streams)
}
