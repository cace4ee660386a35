package ensemble

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

// drawn makes n members with width values each, of magnitudes from 1e-6 to 1e6 and both signs.
func drawn(rng *rand.Rand, n, width int) []Member {
	members := make([]Member, n)
	for i := range members {
		values := make([]float32, width)
		for j := range values {
			values[j] = float32(rng.NormFloat64() * math.Pow(10, 12*rng.Float64()-6))
		}
		members[i] = Member{Name: fmt.Sprintf("v1.%02d", i), Model: &fake{floats: values}, Weight: rng.ExpFloat64()}
	}
	return members
}

func valuesOf(m Member) []float32 { return m.Model.(*fake).floats }

// inFloat64 is the formula of Average, one value at a time.
func inFloat64(members []Member, j int) float32 {
	sum, total := 0.0, 0.0
	for _, m := range members {
		product := m.Weight * float64(valuesOf(m)[j])
		sum += product
		total += m.Weight
	}
	return float32(sum / total)
}

// exactly is the same in 400 bits.
func exactly(members []Member, j int) float32 {
	wide := func(x float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(x) }
	sum, total := wide(0), wide(0)
	for _, m := range members {
		sum.Add(sum, new(big.Float).Mul(wide(m.Weight), wide(float64(valuesOf(m)[j]))))
		total.Add(total, wide(m.Weight))
	}
	mean, _ := sum.Quo(sum, total).Float32()
	return mean
}

func predicted(t *testing.T, a *Average) predictor.Outputs {
	t.Helper()
	out := a.NewOutputs()
	if err := a.Predict(t.Context(), out, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAveragesAsAFloat64ReferenceDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	inexact := 0
	for range 50 {
		members := drawn(rng, 1+rng.IntN(7), 40)
		out := predicted(t, averageOf(t, members))
		for j, got := range out[0].Float32 {
			if want := inFloat64(members, j); math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("%d members: got %v, want %v", len(members), got, want)
			}
			if got != exactly(members, j) {
				inexact++
			}
		}
	}
	if inexact > 2 { // float64 has 29 bits to spare; a sum in float32 is off in hundreds of the 2,000
		t.Errorf("%d of 2000 values are not the exact mean's float32", inexact)
	}
}

func TestASumInFloat32WouldBeTold(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	off := 0
	members := drawn(rng, 5, 2000)
	for j := range 2000 {
		var sum, total float32
		for _, m := range members {
			sum += float32(m.Weight) * valuesOf(m)[j]
			total += float32(m.Weight)
		}
		if sum/total != exactly(members, j) {
			off++
		}
	}
	if off < 200 {
		t.Errorf("%d of 2000 differ: the comparison with the exact mean tells nothing", off)
	}
}

func TestTheAnswerHasTheSameBitsInAnyOrderOfMembersAndOfTheirAnswers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	members := drawn(rng, 6, 100)
	want := predicted(t, averageOf(t, members))[0].Float32
	for range 20 {
		rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for _, opts := range [][]Option{nil, {Concurrently()}, {DropFailing(1)}} {
			if got := predicted(t, averageOf(t, members, opts...))[0].Float32; !slices.Equal(got, want) {
				t.Fatal("another order, other bits")
			}
		}
	}
}

func TestWeighsRelatively(t *testing.T) {
	out := predicted(t, averageOf(t, scores([]float64{30, 10}, 1, 5)))
	if got := out[0].Float32[0]; got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

func TestNeverAsksAMemberWithoutWeight(t *testing.T) {
	members := scores([]float64{1, 0}, 1, float32(math.Inf(1)))
	if got := predicted(t, averageOf(t, members))[0].Float32[0]; got != 1 {
		t.Errorf("got %v, want 1", got)
	}
	if n := members[1].Model.(*fake).asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestTakesTheMajorityOfInt64Outputs(t *testing.T) {
	member := func(name string, weight float64, labels ...int64) Member {
		return Member{Name: name, Weight: weight, Model: &fake{labels: labels}}
	}
	members := []Member{member("a", 1, 7, 1, 3, -1), member("b", 1, 7, 0, 2, -1), member("c", 1.5, 0, 0, 3, -1), member("d", 0.5, 0, 1, 2, 9)}
	// 7 and 0 have a weight of 2 each, as do 1 and 0 in the second: the smaller. 3 has 2.5, -1 has 3.5.
	got := predicted(t, averageOf(t, members))[0].Int64
	if want := []int64{0, 0, 3, -1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnAverageIsAMember(t *testing.T) {
	inner := averageOf(t, scores([]float64{1, 1}, 2, 4))
	outer := averageOf(t, []Member{{Name: "both", Model: inner, Weight: 1}, {Name: "old", Model: &fake{floats: []float32{9}}, Weight: 2}})
	if got := predicted(t, outer)[0].Float32[0]; got != 7 {
		t.Errorf("got %v, want 7", got)
	}
}

func TestANaNIsNoAnswer(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		members := scores([]float64{1, 1}, 2, float32(math.NaN()))
		a := averageOf(t, members, opts...)
		out := a.NewOutputs()
		out[0].Float32[0] = 5
		err := a.Predict(t.Context(), out, nil)
		var typed *MemberError
		if !errors.Is(err, predictor.ErrNotAnswered) || !errors.As(err, &typed) || typed.Member != "b" {
			t.Errorf("got %v", err)
		}
		if out[0].Float32[0] != 5 {
			t.Error("out was written to")
		}
		dropping := averageOf(t, members, append(opts, DropFailing(1))...)
		if got := predicted(t, dropping)[0].Float32[0]; got != 2 {
			t.Errorf("got %v, want 2", got)
		}
	})
}

func TestRefusesOutputsOfAnotherShape(t *testing.T) {
	a := averageOf(t, []Member{{Name: "a", Weight: 1, Model: &fake{floats: []float32{1, 2}, labels: []int64{3}}}})
	for _, out := range []predictor.Outputs{
		nil, a.NewOutputs()[:1], {{Float32: make([]float32, 3)}, {Int64: make([]int64, 1)}}, {{Float32: make([]float32, 2)}, {Int64: nil}},
	} {
		var typed *predictor.LengthError
		if err := a.Predict(t.Context(), out, nil); !errors.As(err, &typed) {
			t.Errorf("%v: got %v", out, err)
		}
	}
}

func TestAnswersFromAnyGoroutine(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		a := averageOf(t, drawn(rand.New(rand.NewPCG(5, 6)), 4, 30), opts...)
		want := predicted(t, a)[0].Float32
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				out := a.NewOutputs()
				for range 200 {
					if err := a.Predict(t.Context(), out, nil); err != nil || !slices.Equal(out[0].Float32, want) {
						t.Errorf("got %v, %v", out[0].Float32, err)
						return
					}
				}
			})
		}
		callers.Wait()
	})
}

func TestAveragesAndVotesWithServedBundles(t *testing.T) {
	p := served(t, "classifier")
	members := []Member{{Name: "v1.0", Model: p, Weight: 2}, {Name: "v1.1", Model: p, Weight: 1}}
	a, v := averageOf(t, members), voteOf(t, members, Concurrently())
	for row := range 8 {
		n := p.Bundle().Metadata.Inputs[0].Shape.Elements()
		window := p.Bundle().Golden.Inputs[0][row*n : (row+1)*n]
		alone, together := p.NewOutputs(), a.NewOutputs()
		if err := errors.Join(p.Predict(t.Context(), alone, window), a.Predict(t.Context(), together, window)); err != nil {
			t.Fatal(err)
		}
		for i := range alone {
			if !slices.Equal(alone[i].Float32, together[i].Float32) || !slices.Equal(alone[i].Int64, together[i].Int64) {
				t.Errorf("row %d: two of the same say %v, one says %v", row, together[i], alone[i])
			}
		}
		label, _ := p.Label(alone)
		anomaly, _ := p.Anomaly(together)
		byLabel, err1 := v.Label(t.Context(), window)
		byFlag, err2 := v.Anomaly(t.Context(), window)
		if byLabel != (LabelVote{label, 1, 2}) || byFlag.Anomaly != anomaly || byFlag.Members != 2 || err1 != nil || err2 != nil {
			t.Errorf("row %d: got %v, %v and %v, %v", row, byLabel, err1, byFlag, err2)
		}
	}
}
