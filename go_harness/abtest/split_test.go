package abtest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func split(t testing.TB, salt string, arms ...Arm) *Split {
	t.Helper()
	s, err := NewSplit(salt, arms...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func key(i int) string { return fmt.Sprintf("node-%d", i) }

// The 0.999-quantiles of chi-square: a correct split is past them once in a thousand salts, and these salts are fixed.
var chiSquare999 = map[int]float64{1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47}

func TestAssignsByTheWeights(t *testing.T) {
	const keys = 50_000
	for _, weights := range [][]float64{{1, 1}, {9, 1}, {99, 1}, {1, 1, 1}, {5, 3, 2}, {1, 2, 3, 4}} {
		var arms []Arm
		total := 0.0
		for i, w := range weights {
			arms = append(arms, Arm{fmt.Sprint("v1.", i), w})
			total += w
		}
		for _, salt := range []string{"", "1", "2", "autumn"} {
			s, counts, statistic := split(t, salt, arms...), make([]float64, len(arms)), 0.0
			for i := range keys {
				counts[s.Assign(key(i))]++
			}
			for i, count := range counts {
				expected := keys * weights[i] / total
				statistic += (count - expected) * (count - expected) / expected
			}
			if limit := chiSquare999[len(arms)-1]; statistic > limit {
				t.Errorf("salt %q, weights %v: %v, chi-square %.1f, expected at most %.1f", salt, weights, counts, statistic, limit)
			}
		}
	}
}

// A split that is off by a hundredth of the keys is past the limit: the test above would tell.
func TestTheChiSquareWouldTellWeightsThatAreOff(t *testing.T) {
	const keys = 50_000
	s, counts := split(t, "1", Arm{"a", 1.04}, Arm{"b", 1}), [2]float64{}
	for i := range keys {
		counts[s.Assign(key(i))]++
	}
	d := counts[0] - keys/2
	if statistic := 2 * d * d / (keys / 2); statistic < chiSquare999[1] {
		t.Errorf("%v, chi-square %.1f", counts, statistic)
	}
}

func TestAnotherSaltIsAnIndependentAssignment(t *testing.T) {
	const keys = 100_000
	for _, salts := range [][2]string{{"a", "b"}, {"a", ""}, {"experiment-1", "experiment-2"}, {"x", "xx"}, {"1", "3"}} {
		first, second := split(t, salts[0], Arm{"a", 1}, Arm{"b", 1}), split(t, salts[1], Arm{"a", 1}, Arm{"b", 1})
		var counts [2][2]float64
		for i := range keys {
			counts[first.Assign(key(i))][second.Assign(key(i))]++
		}
		statistic := 0.0
		for _, row := range counts {
			for _, count := range row {
				statistic += (count - keys/4) * (count - keys/4) / (keys / 4)
			}
		}
		if statistic > chiSquare999[3] {
			t.Errorf("salts %q: %v, chi-square %.1f", salts, counts, statistic)
		}
	}
}

func TestAKeyKeepsItsArm(t *testing.T) {
	s, other := split(t, "1", Arm{"a", 1}, Arm{"b", 2}, Arm{"c", 3}), split(t, "1", Arm{"c", 3}, Arm{"a", 1}, Arm{"b", 2})
	for i := range 1000 {
		arm := s.Assign(key(i))
		if again := s.AssignBytes([]byte(key(i))); again != arm {
			t.Errorf("%s: %d as a string, %d as bytes", key(i), arm, again)
		}
		if name := other.arms[other.Assign(key(i))].Name; name != s.arms[arm].Name {
			t.Errorf("%s: %s in one order of the arms, %s in another", key(i), s.arms[arm].Name, name)
		}
	}
}

// What an earlier release assigned: a restart or an upgrade moves no key.
func TestAssignsAsItAlwaysDid(t *testing.T) {
	s, got := split(t, "autumn", Arm{"v1.0", 2}, Arm{"v1.1", 1}, Arm{"v1.2", 1}), ""
	for i := range 40 {
		got += fmt.Sprint(s.Assign(key(i)))
	}
	if want := "2211012101100001000102020121011100100020"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHashesAsFNV1a(t *testing.T) {
	// The published vector of "foobar", to which the length is added.
	want := uint64(0x85944171f73967e8)
	want = (want ^ 6<<32) * prime64
	if got := hash(offset64, "foobar"); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestSaltAndKeyAreKeptApart(t *testing.T) {
	if hash(hash(offset64, "ab"), "c") == hash(hash(offset64, "a"), "bc") {
		t.Error("salt ab and key c are salt a and key bc")
	}
}

// moves counts which keys move from which arm to which.
func moves(before, after *Split, keys int) map[string]int {
	counts := map[string]int{}
	for i := range keys {
		if a, b := before.arms[before.Assign(key(i))].Name, after.arms[after.Assign(key(i))].Name; a != b {
			counts[a+b]++
		}
	}
	return counts
}

func TestMovesOnlyTheKeysThatMust(t *testing.T) {
	const keys = 100_000
	before := split(t, "1", Arm{"a", 5}, Arm{"b", 3}, Arm{"c", 2})
	for name, c := range map[string]struct {
		after *Split
		moved map[string]float64 // shares of all keys
	}{
		"more for b":          {split(t, "1", Arm{"a", 5}, Arm{"b", 13}, Arm{"c", 2}), map[string]float64{"ab": 0.25, "cb": 0.1}},
		"less for a":          {split(t, "1", Arm{"a", 0}, Arm{"b", 3}, Arm{"c", 2}), map[string]float64{"ab": 0.3, "ac": 0.2}},
		"an arm more":         {split(t, "1", Arm{"a", 5}, Arm{"b", 3}, Arm{"c", 2}, Arm{"d", 10}), map[string]float64{"ad": 0.25, "bd": 0.15, "cd": 0.1}},
		"an arm less":         {split(t, "1", Arm{"a", 5}, Arm{"b", 3}), map[string]float64{"ca": 0.125, "cb": 0.075}},
		"the same, as shares": {split(t, "1", Arm{"a", 50}, Arm{"b", 30}, Arm{"c", 20}), nil},
	} {
		got := moves(before, c.after, keys)
		for which, n := range got {
			// 5 standard deviations of a share
			if want := c.moved[which] * keys; math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
				t.Errorf("%s: %d keys moved %s, expected %.0f", name, n, which, want)
			}
		}
		if len(got) != len(c.moved) {
			t.Errorf("%s: moved %v, expected %v", name, got, c.moved)
		}
	}
}

func TestAssignsNothingToAnArmWithoutWeight(t *testing.T) {
	s := split(t, "1", Arm{"a", 0}, Arm{"b", 1})
	for i := range 1000 {
		if s.Assign(key(i)) != 1 {
			t.Fatalf("%s has an arm without weight", key(i))
		}
	}
}

func TestRefusesArmsThatNoTrafficCanBeSplitAmong(t *testing.T) {
	for name, c := range map[string]struct {
		arms []Arm
		text string
	}{
		"none":     {nil, "the number of arms is 0, expected 1 to 16"},
		"many":     {make([]Arm, 17), "the number of arms is 17"},
		"negative": {[]Arm{{"a", 1}, {"b", -1}}, "the weight of b is -1, expected a finite number of at least 0"},
		"NaN":      {[]Arm{{"a", math.NaN()}}, "the weight of a is NaN"},
		"infinite": {[]Arm{{"a", math.Inf(1)}}, "the weight of a is +Inf"},
		"all zero": {[]Arm{{"a", 0}, {"b", 0}}, "each weight is 0, expected one above 0"},
		"twice":    {[]Arm{{"a", 1}, {"a", 1}}, `an arm's name is "a", expected one that no other arm has`},
		"nameless": {[]Arm{{"", 1}}, `an arm's name is ""`},
	} {
		_, err := NewSplit("1", c.arms...)
		var typed *ConfigError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
