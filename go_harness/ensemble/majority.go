package ensemble

// majority returns the value with the most weight behind it, of those that are equal the smallest, and that weight.
func (p *panel) majority(b *ballot) (value int64, weight float64) {
	for i, candidate := range b.named {
		if b.errs[i] != nil {
			continue
		}
		if w := p.behind(b, candidate); w > weight || w == weight && candidate < value {
			value, weight = candidate, w
		}
	}
	return value, weight
}

// behind returns the weight of those that named value.
func (p *panel) behind(b *ballot, value int64) float64 {
	weight := 0.0
	for i := range p.members {
		if b.errs[i] == nil && b.named[i] == value {
			weight += p.members[i].Weight
		}
	}
	return weight
}

func (b *ballot) answered() int {
	n := 0
	for _, err := range b.errs {
		if err == nil {
			n++
		}
	}
	return n
}
