package abtest

import (
	"math"
	"math/bits"
)

// Arm is one of the alternatives.
type Arm struct {
	Name   string  // unique, and part of the assignment: rename an arm and its keys move
	Weight float64 // its share of the traffic, relative to the other arms'; 0 for none
}

// Split assigns keys to arms by weighted rendezvous hashing:
//
//	arm(key) = argmin_a −ln(u_a(key)) / w_a,    u_a uniform on (0, 1), a hash of salt, key and the arm's name
//
// The smallest of independent exponential variables of rates w_a is the one of a with probability w_a / Σ w. A change of w_a
// changes no other arm's place: with a larger weight keys move to a and nowhere else, with a smaller one from a and nowhere
// else, and as few as the shares allow. The assignment depends on nothing else: not on the process, the machine or the order of
// the arms.
//
// Source: D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates", 1998; the weights by
// J. Schindelhauer, G. Schomaker, "Weighted distributed hash tables", 2005.
//
// A Split never changes; any number of goroutines may use it. It comes from NewSplit.
type Split struct {
	salt  uint64
	arms  []Arm
	names []uint64 // hashes of the arms' names
}

// NewSplit makes a Split. Another salt is another assignment, independent of this one: use one for each experiment. It fails
// with a *ConfigError for weights that are negative, not finite or all 0, and for names that are missing or not unique.
func NewSplit(salt string, arms ...Arm) (*Split, error) {
	if err := checkArms(arms); err != nil {
		return nil, err
	}
	s := &Split{salt: hash(offset64, salt), arms: append([]Arm(nil), arms...)}
	for _, arm := range arms {
		s.names = append(s.names, mixed(hash(offset64, arm.Name)))
	}
	return s, nil
}

// Assign returns the index of the key's arm. It allocates nothing.
func (s *Split) Assign(key string) int { return s.nearest(hash(s.salt, key)) }

// AssignBytes does the same for the bytes of a key.
func (s *Split) AssignBytes(key []byte) int { return s.nearest(hash(s.salt, key)) }

func (s *Split) nearest(keyed uint64) int {
	best, least := 0, math.Inf(1)
	for i := range s.arms {
		if s.arms[i].Weight == 0 {
			continue
		}
		// A tie takes 53 equal bits, and the arm of a key then depends on the order of the arms: 1 key in 10^16.
		if distance := -math.Log(uniform(mixed(keyed^s.names[i]))) / s.arms[i].Weight; distance < least {
			best, least = i, distance
		}
	}
	return best
}

// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/. hash/maphash would give other answers in each process.
const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

// hash goes on from state, and closes with the length, so that salt "ab" and key "c" are not salt "a" and key "bc".
func hash[T string | []byte](state uint64, text T) uint64 {
	for i := range len(text) {
		state = (state ^ uint64(text[i])) * prime64
	}
	return (state ^ bits.RotateLeft64(uint64(len(text)), 32)) * prime64
}

// mixed is MurmurHash3's finalizer: every bit of h changes every bit of the result with probability 1/2.
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
func mixed(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// uniform maps the upper 53 bits to the middles of 2^53 cells of (0, 1): never 0, whose logarithm is none.
func uniform(h uint64) float64 { return (float64(h>>11) + 0.5) / (1 << 53) }
