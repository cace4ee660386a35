package features

import "math"

// quarters is by how many quarters of a turn a function is ahead of the sine.
var quarters = map[string]int{"sin": 0, "cos": 1}

// periodic is the sine, or the cosine, of 2π·x/period. The turns are taken off before anything is multiplied by π, and what is
// left is within an eighth of a turn, so that two libraries have the same argument and hardly any room to differ:
//
//	u = x / period, r = u - floor(u), k = floor(4r + 0.5), a = (r - k/4)·2π
type periodic struct {
	target
	of     int
	period float64
	ahead  int
}

func (p *periodic) run(m *memory) {
	u := m.values[p.of] / p.period
	r := u - math.Floor(u)
	if isNaN(r) {
		p.put(m, nan)
		return
	}
	k := math.Floor(float64(4*r) + 0.5)
	a := float64(r-float64(k/4)) * (2 * math.Pi)
	switch (int(k) + p.ahead) % 4 {
	case 0:
		p.put(m, math.Sin(a))
	case 1:
		p.put(m, math.Cos(a))
	case 2:
		p.put(m, -math.Sin(a))
	default:
		p.put(m, -math.Cos(a))
	}
}
