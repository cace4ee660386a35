package features

import "math"

var nan = math.NaN()

func isNaN(x float64) bool { return x != x }

// isFinite is false for NaN and the infinities: their difference to themselves is NaN.
func isFinite(x float64) bool { return x-x == 0 }

// memory is what a group's kernels work on: the values at the present sample, and the last ones of what is looked back at.
type memory struct {
	values []float64
	rings  []ring
	all    []float64 // the rings' memory
}

func newMemory(p *Plan) memory {
	total := 0
	for _, depth := range p.depths {
		total += 2 * depth
	}
	m := memory{values: make([]float64, p.slots), rings: make([]ring, len(p.depths)), all: make([]float64, total)}
	rest := m.all
	for i, depth := range p.depths {
		m.rings[i] = ring{data: rest[: 2*depth : 2*depth], depth: depth}
		rest = rest[2*depth:]
	}
	m.forget()
	return m
}

// forget makes every sample before the next one a row of NaN.
func (m *memory) forget() {
	for i := range m.all {
		m.all[i] = nan
	}
	for i := range m.rings {
		m.rings[i].next, m.rings[i].finite = 0, 0
	}
}

// ring keeps the last values of one source twice, a depth apart, so that any window of them is contiguous.
type ring struct {
	data   []float64
	depth  int
	next   int // where the next value goes
	finite int // how many of the last values are finite, without a gap
}

func (r *ring) push(x float64) {
	r.data[r.next], r.data[r.next+r.depth] = x, x
	if r.next++; r.next == r.depth {
		r.next = 0
	}
	r.finite++
	if !isFinite(x) {
		r.finite = 0
	}
}

// last returns the last n values, oldest first.
func (r *ring) last(n int) []float64 {
	end := r.next + r.depth
	return r.data[end-n : end]
}

// back returns the value that many samples before the present one.
func (r *ring) back(samples int) float64 { return r.data[r.next+r.depth-1-samples] }

// history is a kernel's source whose last values it looks at: its slot, and once the plan is whole, its ring.
type history struct{ slot, ring int }

func (h *history) readFrom(rings map[int]int) { h.ring = rings[h.slot] }

// push keeps the present value of a slot.
type push struct{ slot, ring int }

func (k *push) run(m *memory) { m.rings[k.ring].push(m.values[k.slot]) }

// target is where a step's value goes, and what NaN becomes there.
type target struct {
	slot int
	fill float64
}

func newTarget(step Step, slot int) target {
	if step.Fill == nil {
		return target{slot, nan}
	}
	return target{slot, *step.Fill}
}

func (t *target) put(m *memory, x float64) {
	if isNaN(x) {
		x = t.fill
	}
	m.values[t.slot] = x
}
