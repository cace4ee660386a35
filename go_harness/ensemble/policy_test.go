package ensemble

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

var errBroken = errors.New("broken")

// failing breaks the members of these names.
func failing(members []Member, names string) []Member {
	for _, m := range members {
		if strings.Contains(names, m.Name) {
			m.Model.(*fake).err = errBroken
		}
	}
	return members
}

func TestOneFailingMemberFailsTheCall(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		a := averageOf(t, failing(scores([]float64{1, 1, 1}, 1, 2, 3), "b"), opts...)
		err := a.Predict(t.Context(), a.NewOutputs(), nil)
		var typed *MemberError
		if !errors.Is(err, errBroken) || !errors.As(err, &typed) || typed.Member != "b" || err.Error() != "ensemble: b: broken" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAsksNoFurtherOnceTheCallFailsAnyway(t *testing.T) {
	members := failing(scores([]float64{1, 1, 1}, 1, 2, 3), "b")
	a := averageOf(t, members)
	_ = a.Predict(t.Context(), a.NewOutputs(), nil)
	if n := members[2].Model.(*fake).asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestDropsFailingMembersAndRenormalises(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		var dropped []string
		noting := OnDrop(func(member string, err error) {
			if errors.Is(err, errBroken) {
				dropped = append(dropped, member)
			}
		})
		members := failing(scores([]float64{1, 5, 3, 9}, 1, 100, 2, 100), "bd")
		a := averageOf(t, members, append(opts, DropFailing(2), noting)...)
		for range 3 { // scratch that a failing call used is as good as new
			out := a.NewOutputs()
			if err := a.Predict(t.Context(), out, nil); err != nil || out[0].Float32[0] != 1.75 {
				t.Errorf("got %v, %v; want 1.75", out[0].Float32[0], err)
			}
		}
		if want := strings.Split("bdbdbd", ""); !slices.Equal(dropped, want) {
			t.Errorf("dropped %v", dropped)
		}
	})
}

func TestFailsWithTooFewMembersLeft(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		for broken, minimum := range map[string]int{"bc": 2, "abc": 1} {
			a := averageOf(t, failing(scores([]float64{1, 1, 1}, 1, 2, 3), broken), append(opts, DropFailing(minimum))...)
			err := a.Predict(t.Context(), a.NewOutputs(), nil)
			var typed *TooFewError
			if !errors.As(err, &typed) || typed.Answered != 3-len(broken) || len(typed.Failed) != len(broken) || !errors.Is(err, errBroken) {
				t.Errorf("%s broken: got %v", broken, err)
			}
		}
	})
}

func TestADoneContextIsNoMembersFailure(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		members := scores([]float64{1, 1}, 1, 2)
		for _, m := range members {
			m.Model.(*fake).before = func(ctx context.Context) error { return ctx.Err() }
		}
		a := averageOf(t, members, append(opts, DropFailing(1))...)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := a.Predict(ctx, a.NewOutputs(), nil)
		var typed *TooFewError
		if !errors.Is(err, context.Canceled) || errors.As(err, &typed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestACallerThatGoesAwayStopsTheMembersThatWait(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		synctest.Test(t, func(t *testing.T) {
			members := scores([]float64{1, 1, 1}, 1, 2, 3)
			for _, m := range members {
				m.Model.(*fake).before = func(ctx context.Context) error { // queues for an hour
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(time.Hour):
						return nil
					}
				}
			}
			a := averageOf(t, members, append(opts, DropFailing(1))...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			err := a.Predict(ctx, a.NewOutputs(), nil)
			if waited := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || waited != time.Second {
				t.Errorf("got %v after %v", err, waited)
			}
		})
	})
}

func TestMembersAtOnceTakeAsLongAsTheSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := scores([]float64{1, 1, 1}, 1, 2, 3)
		for i, m := range members {
			m.Model.(*fake).before = func(context.Context) error { time.Sleep(time.Duration(3-i) * time.Second); return nil }
		}
		for want, opts := range map[time.Duration][]Option{6 * time.Second: nil, 3 * time.Second: {Concurrently()}} {
			a := averageOf(t, members, opts...)
			begin := time.Now()
			out := predicted(t, a)
			if took := time.Since(begin); took != want || out[0].Float32[0] != 2 {
				t.Errorf("got %v after %v, want 2 after %v", out[0].Float32[0], took, want)
			}
		}
	})
}

func TestReturnsNoEarlierThanEveryMemberItAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := failing(scores([]float64{1, 1}, 1, 2), "a")
		members[1].Model.(*fake).before = func(context.Context) error { time.Sleep(time.Minute); return nil }
		a := averageOf(t, members, Concurrently())
		begin := time.Now()
		err := a.Predict(t.Context(), a.NewOutputs(), nil)
		if waited := time.Since(begin); !errors.Is(err, errBroken) || waited != time.Minute {
			t.Errorf("got %v after %v", err, waited)
		}
	})
}

func TestRefusesMembersThatCannotBeAveraged(t *testing.T) {
	one := func(weights ...float64) []Member { return scores(weights, make([]float32, len(weights))...) }
	mixed := one(1, 1)
	mixed[1].Model = &fake{floats: []float32{1}, labels: []int64{2}}
	longer := one(1, 1)
	longer[1].Model = &fake{floats: []float32{1, 2}}
	twice := one(1, 1)
	twice[1].Name = "a"
	nameless := one(1)
	nameless[0].Name = ""
	for name, c := range map[string]struct {
		members []Member
		options []Option
		is      func(error) bool
		text    string
	}{
		"none":      {nil, nil, func(err error) bool { return errors.Is(err, ErrNoMembers) }, "no members"},
		"all zero":  {one(0, 0), nil, func(err error) bool { return errors.Is(err, ErrNoWeight) }, "no sum"},
		"overflow":  {one(math.MaxFloat64, math.MaxFloat64), nil, func(err error) bool { return errors.Is(err, ErrNoWeight) }, "no sum"},
		"negative":  {one(1, -1), nil, as[*WeightError], "the weight of b is -1, expected a finite one of at least 0"},
		"NaN":       {one(math.NaN()), nil, as[*WeightError], "the weight of a is NaN"},
		"infinite":  {one(1, math.Inf(1)), nil, as[*WeightError], "the weight of b is +Inf"},
		"more":      {mixed, nil, as[*ShapeError], "b has outputs of [1 float32, 1 int64], expected [1 float32] as a has"},
		"longer":    {longer, nil, as[*ShapeError], "[2 float32]"},
		"twice":     {twice, nil, as[*NameError], `a member is called "a"`},
		"nameless":  {nameless, nil, as[*NameError], `a member is called ""`},
		"minimum 0": {one(1), []Option{DropFailing(0)}, as[*MinimumError], "at least 0 members must answer, expected 1 to 1"},
		"minimum 2": {one(1, 0), []Option{DropFailing(2)}, as[*MinimumError], "at least 2 members must answer, expected 1 to 1"},
	} {
		_, err := NewAverage(c.members, c.options...)
		if err == nil || !c.is(err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func as[E error](err error) bool {
	var typed E
	return errors.As(err, &typed)
}

var _ Model = (*predictor.Predictor)(nil)
var _ Labeler = (*predictor.Predictor)(nil)
var _ Detector = (*predictor.Predictor)(nil)
var _ Model = (*Average)(nil)
