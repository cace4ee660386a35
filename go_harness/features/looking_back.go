package features

// The steps that look at single samples before the present one.

type lag struct {
	target
	history
	samples int
}

func (k *lag) run(m *memory) { k.put(m, m.rings[k.ring].back(k.samples)) }

type difference struct {
	target
	history
	order int
}

func (k *difference) run(m *memory) {
	x := &m.rings[k.ring]
	d := x.back(0) - x.back(1)
	if k.order == 2 {
		d -= x.back(1) - x.back(2)
	}
	k.put(m, d)
}
