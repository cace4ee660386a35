package ensemble

import (
	"context"
	"errors"
	"testing"

	"github.com/novacron/dwcpc/go_harness/predictor"
)

func ballots(labels []int64, weights []float64) []Member {
	var members []Member
	for i, label := range labels {
		members = append(members, Member{Name: string(rune('a' + i)), Weight: weights[i], Model: &fake{labels: []int64{label}, anomaly: label == 1}})
	}
	return members
}

func TestTakesTheLabelWithTheMostWeightBehindIt(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		for _, c := range []struct {
			labels  []int64
			weights []float64
			want    LabelVote
		}{
			{[]int64{4}, []float64{3}, LabelVote{4, 1, 1}},
			{[]int64{4, 7, 7}, []float64{1, 1, 2}, LabelVote{7, 0.75, 3}},
			{[]int64{4, 7, 7}, []float64{6, 1, 1}, LabelVote{4, 0.75, 3}},
			{[]int64{7, 4}, []float64{1, 1}, LabelVote{4, 0.5, 2}}, // the smaller of two that are equal
			{[]int64{4, 7}, []float64{1, 1}, LabelVote{4, 0.5, 2}},
			{[]int64{-3, 0}, []float64{1, 1}, LabelVote{-3, 0.5, 2}},
		} {
			got, err := voteOf(t, ballots(c.labels, c.weights), opts...).Label(t.Context(), nil)
			if got != c.want || err != nil {
				t.Errorf("%v: got %v, %v", c, got, err)
			}
		}
	})
}

func TestAnAnomalyNeedsMoreThanHalfOfTheWeight(t *testing.T) {
	bothWays(t, func(t *testing.T, opts ...Option) {
		for _, c := range []struct {
			labels  []int64
			weights []float64
			want    AnomalyVote
		}{
			{[]int64{1, 0}, []float64{1, 1}, AnomalyVote{false, 0.5, 2}},
			{[]int64{1, 0}, []float64{3, 1}, AnomalyVote{true, 0.75, 2}},
			{[]int64{0, 0, 1}, []float64{1, 1, 2}, AnomalyVote{false, 0.5, 3}},
		} {
			got, err := voteOf(t, ballots(c.labels, c.weights), opts...).Anomaly(t.Context(), nil)
			if got != c.want || err != nil {
				t.Errorf("%v: got %v, %v", c, got, err)
			}
		}
	})
}

func TestAMemberThatNamesNoClassFails(t *testing.T) {
	members := ballots([]int64{4, -1, 5}, []float64{1, 9, 2}) // the fake takes -1 for a row that it did not answer
	if _, err := voteOf(t, members).Label(t.Context(), nil); !errors.Is(err, predictor.ErrNotAnswered) {
		t.Errorf("got %v", err)
	}
	got, err := voteOf(t, members, DropFailing(2)).Label(t.Context(), nil)
	if want := (LabelVote{5, 2.0 / 3, 2}); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := voteOf(t, members, DropFailing(3)).Label(t.Context(), nil); !as[*TooFewError](err) {
		t.Errorf("got %v", err)
	}
}

// plain only computes.
type plain struct{ Model }

// labeling has no Anomaly.
type labeling struct{ Model }

func (labeling) Label(predictor.Outputs) (int64, error) { return 3, nil }

func TestVotesOnWhatEveryMemberHas(t *testing.T) {
	members := ballots([]int64{4, 4}, []float64{1, 1})
	members[1].Model = labeling{members[1].Model}
	v := voteOf(t, members)
	if got, err := v.Label(t.Context(), nil); got.Label != 3 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := v.Anomaly(t.Context(), nil); !errors.Is(err, ErrNoAnomalies) {
		t.Errorf("got %v", err)
	}
	members[1].Model = plain{members[0].Model}
	if _, err := NewVote(members); !errors.Is(err, ErrNoLabels) || !errors.Is(err, ErrNoAnomalies) {
		t.Errorf("got %v", err)
	}
}

func TestADoneContextTakesNoVote(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := voteOf(t, ballots([]int64{4}, []float64{1}))
	if _, err := v.Label(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := v.Anomaly(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
