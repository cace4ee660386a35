package abtest

import "math"

// difference compares the mean losses of two arms, 0 and 1, both within [0, 1]. The losses of each arm are taken in blocks: a
// block ends when each arm has at least m of them, and leaves
//
//	d = mean of arm 1's losses in it − mean of arm 0's,    S = Σ d,    V = Σ d²
//
// d is within [−1, 1]. Where its mean given the past, δ, is at most 0, then for each λ in [0, 1)
//
//	E[exp(λ·d − d²·ψ(λ)) | past] ≤ E[1 + λ·d | past] ≤ 1,    ψ(λ) = −ln(1−λ) − λ
//
// so exp(λS − ψ(λ)V) is a supermartingale that the mixture is made of: it reaches 1/α with probability ≤ α, ever. The same
// with −d for δ ≥ 0, and exp(λ(d−δ) − d²ψ(λ)) gives the confidence sequence (S ± u(V)) / blocks for the mean of δ. No
// variance is known beforehand, no limit is taken: it holds for every number of samples.
//
// A block is the difference of two means that were taken at the same time, so that what moves both arms alike, a busy hour,
// cancels; and how many losses an arm gets in it does not matter, so that shares may change and losses may come late.
//
// Source: Howard et al. 2021 (see mixture), theorem 4, with 0 for the predicted d; the inequality is lemma 4.1 of X. Fan,
// I. Grama, Q. Liu, "Exponential inequalities for martingales with applications", Electronic Journal of Probability 20, 2015.
type difference struct {
	sums   [2]float64
	counts [2]int
	s, v   float64
	blocks int
}

// add takes a loss of arm side, and reports whether it ended a block of m.
func (d *difference) add(side int, loss float64, m int) bool {
	d.sums[side] += loss
	d.counts[side]++
	if d.counts[0] < m || d.counts[1] < m {
		return false
	}
	x := d.sums[1]/float64(d.counts[1]) - d.sums[0]/float64(d.counts[0])
	d.s += x
	d.v += x * x
	d.blocks++
	d.sums, d.counts = [2]float64{}, [2]int{}
	return true
}

// oriented returns S as the arm side sees it: above 0 where it is the better one.
func (d *difference) oriented(side int) float64 {
	if side == 0 {
		return d.s
	}
	return -d.s
}

// interval returns the confidence sequence of arm 1's mean loss less arm 0's.
func (d *difference) interval(m *mixture) (low, high float64) {
	if d.blocks == 0 {
		return -1, 1
	}
	u, n := m.bound(d.v), float64(d.blocks)
	return max(-1, (d.s-u)/n), min(1, (d.s+u)/n)
}

// reachable reports whether arm side can still be shown to be better when there are times as many blocks as now: with the
// largest difference that the confidence sequence leaves, and V growing as it did.
func (d *difference) reachable(side int, m *mixture, times float64) bool {
	s := d.oriented(side)
	largest := min(1, (s+m.bound(d.v))/float64(d.blocks))
	return s+(times-1)*float64(d.blocks)*largest >= m.bound(times*d.v)
}

// newDifferenceMixture looks for differences that show in up to samples losses, in blocks of m.
func newDifferenceMixture(alpha float64, samples, m int) mixture {
	const most = 0.75 // of 1; above, ψ grows faster than what a term can gain
	// V is at most this: losses within [0, 1] have a variance of at most 1/4, the mean of m of them 1/(4m).
	largest := float64(samples) / float64(2*m) / float64(2*m)
	least := math.Sqrt(-2 * math.Log(alpha) / max(1, largest))
	return newMixture(alpha, min(least, most), most, psi)
}

// psi is −ln(1−λ) − λ.
func psi(lambda float64) float64 { return -math.Log1p(-lambda) - lambda }
