package abtest

import "math"

// maxTerms bounds a mixture: 24 terms a factor √2 apart span more than three orders of magnitude of λ, six of samples.
const maxTerms = 24

// mixture is a nonnegative supermartingale made of several:
//
//	M(s, v) = 1/J · Σ_j exp(λ_j·s − c_j·v)
//
// Each term is one by itself, E[exp(λ·ds − c(λ)·dv) | past] ≤ 1, and so is their mean. By Ville's inequality
// P(M ever reaches 1/α) ≤ α: it may be looked at after every observation. Which λ_j there are changes how soon a difference
// shows, never how often one shows that is not there.
//
// Source: S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences",
// Annals of Statistics 49(2), 2021, https://arxiv.org/abs/1810.08240: discrete mixtures.
type mixture struct {
	lambda, cost []float64
	log          float64 // ln(1/α): where M is large enough
}

// newMixture spreads its λ between least and most, each a factor √2 from the next.
func newMixture(alpha, least, most float64, cost func(lambda float64) float64) mixture {
	m := mixture{log: -math.Log(alpha)}
	for lambda := most; len(m.lambda) < maxTerms && (lambda >= least || len(m.lambda) == 0); lambda /= math.Sqrt2 {
		m.lambda = append(m.lambda, lambda)
		m.cost = append(m.cost, cost(lambda))
	}
	return m
}

// largest returns the largest of the exponents λ_j·s − c_j·v.
func (m *mixture) largest(s, v float64) float64 {
	largest := math.Inf(-1)
	for j, lambda := range m.lambda {
		largest = max(largest, lambda*s-m.cost[j]*v)
	}
	return largest
}

// logAt returns ln M(s, v) and its derivative by s. It takes the largest exponent out before it sums, as they may be beyond
// what exp can do.
func (m *mixture) logAt(s, v float64) (value, slope float64) {
	largest := m.largest(s, v)
	sum, weighted := 0.0, 0.0
	for j, lambda := range m.lambda {
		term := math.Exp(lambda*s - m.cost[j]*v - largest)
		sum += term
		weighted += lambda * term
	}
	return largest + math.Log(sum/float64(len(m.lambda))), weighted / sum
}

// reached reports M(s, v) ≥ 1/α. It mostly need not know M: no mean is above the largest term.
func (m *mixture) reached(s, v float64) bool {
	if m.largest(s, v) < m.log {
		return false
	}
	value, _ := m.logAt(s, v)
	return value >= m.log
}

// bound returns the u with M(u, v) = 1/α: P(s > bound(v), ever) ≤ α.
func (m *mixture) bound(v float64) float64 {
	const enough = 1e-12 // relative
	u := math.Inf(1)
	for j, lambda := range m.lambda { // where one term alone is large enough
		u = min(u, (m.log+math.Log(float64(len(m.lambda)))+m.cost[j]*v)/lambda)
	}
	// ln M is convex and rises in u: Newton's steps come down to the root and never go past it.
	for range 50 {
		value, slope := m.logAt(u, v)
		step := (value - m.log) / slope
		u -= step
		if step <= enough*u {
			break
		}
	}
	return u
}
