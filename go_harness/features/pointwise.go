package features

import "math"

// The steps that look at the present sample alone. A product that is added to something is converted to float64 explicitly:
// otherwise the compiler may fuse the two on some processors, which rounds once less than Python does.

type copied struct {
	target
	of int
}

func (k *copied) run(m *memory) { k.put(m, m.values[k.of]) }

type log1p struct {
	target
	of int
}

func (k *log1p) run(m *memory) { k.put(m, math.Log1p(m.values[k.of])) }

type oneHot struct {
	target
	of    int
	place float64
}

func (k *oneHot) run(m *memory) { k.put(m, one(m.values[k.of] == k.place)) }

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

type indicator struct {
	target
	of        int
	threshold float64
	below     bool
	strict    bool
}

func newIndicator(step Step, of int, to target) *indicator {
	k := &indicator{target: to, of: of, strict: step.Strict, below: step.Below != nil}
	if k.below {
		k.threshold = *step.Below
	} else {
		k.threshold = *step.Above
	}
	return k
}

func (k *indicator) run(m *memory) {
	x := m.values[k.of]
	at := !k.strict && x == k.threshold
	if k.below {
		k.put(m, one(at || x < k.threshold))
		return
	}
	k.put(m, one(at || x > k.threshold))
}

type clip struct {
	target
	of        int
	low, high float64
}

func newClip(step Step, of int, to target) *clip {
	k := &clip{to, of, nan, nan} // nothing is beyond NaN
	if step.Low != nil {
		k.low = *step.Low
	}
	if step.High != nil {
		k.high = *step.High
	}
	return k
}

func (k *clip) run(m *memory) {
	x := m.values[k.of]
	if x < k.low {
		x = k.low
	} else if x > k.high {
		x = k.high
	}
	k.put(m, x)
}

type ratio struct {
	target
	of, by  int
	epsilon float64
}

func (k *ratio) run(m *memory) { k.put(m, m.values[k.of]/(m.values[k.by]+k.epsilon)) }

type sum struct {
	target
	of []int
}

func (k *sum) run(m *memory) {
	s := m.values[k.of[0]]
	for _, slot := range k.of[1:] {
		s += m.values[slot]
	}
	k.put(m, s)
}

type product struct {
	target
	of []int
}

func (k *product) run(m *memory) {
	p := m.values[k.of[0]]
	for _, slot := range k.of[1:] {
		p *= m.values[slot]
	}
	k.put(m, p)
}

type weightedTerm struct {
	of          int
	weight, per float64 // per is NaN where nothing is divided
}

type weightedSum struct {
	target
	terms []weightedTerm
}

func newWeightedSum(terms []Term, of []int, to target) *weightedSum {
	k := &weightedSum{to, make([]weightedTerm, len(terms))}
	for i, term := range terms {
		k.terms[i] = weightedTerm{of[i], term.Weight, nan}
		if term.Per != nil {
			k.terms[i].per = *term.Per
		}
	}
	return k
}

func (t *weightedTerm) value(m *memory) float64 {
	x := m.values[t.of]
	if !isNaN(t.per) {
		x /= t.per
	}
	return float64(t.weight * x)
}

func (k *weightedSum) run(m *memory) {
	s := k.terms[0].value(m)
	for i := 1; i < len(k.terms); i++ {
		s += float64(k.terms[i].value(m))
	}
	k.put(m, s)
}
