package features

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestEachGroupHasAHistoryOfItsOwn(t *testing.T) {
	groups, out := lagging(t, "").NewGroups(), make([]float64, 2)
	for _, c := range []struct {
		key           string
		at, x, before float64
	}{{"a", 1, 1, nan}, {"b", 0, 2, nan}, {"a", 2, 3, 1}, {"b", 1, 4, 2}} {
		if _, err := groups.Push(out, c.key, c.at, []float64{c.x, 0}); err != nil || !same(out[0], c.before) {
			t.Errorf("%v: got %v, %v", c, out, err)
		}
	}
	groups.Forget("a")
	if _, err := groups.Push(out, "a", 0, []float64{5, 0}); err != nil || !isNaN(out[0]) || groups.Len() != 2 {
		t.Errorf("got %v, %v", out, err)
	}
}

func TestOnlyATakenSampleMakesAGroupAndOnlySoManyMayBe(t *testing.T) {
	groups, out := lagging(t, "").NewGroups(WithLimit(1)), make([]float64, 2)
	if _, err := groups.Push(out, "refused", nan, []float64{1, 0}); err == nil || groups.Len() != 0 {
		t.Errorf("got %v, %d groups", err, groups.Len())
	}
	if _, err := groups.Push(out, "a", 1, []float64{1, 0}); err != nil {
		t.Error(err)
	}
	var told *LimitError
	if _, err := groups.Push(out, "b", 1, []float64{1, 0}); !errors.As(err, &told) || !errors.Is(err, ErrLimit) || told.Key != "b" {
		t.Errorf("got %v", err)
	}
	groups.Forget("a")
	if _, err := groups.Push(out, "b", 1, []float64{1, 0}); err != nil {
		t.Error(err)
	}
}

// Without a group in the specification all keys are one.
func TestWithoutAGroupAllSamplesAreOne(t *testing.T) {
	groups := Compile(parsed(t, `{"schema": "dwcpc.features/1", "name": "x", "columns": [{"name": "x"}], "steps": [{"name": "f", "op": "lag", "of": "x", "samples": 1}]}`)).NewGroups()
	out := make([]float64, 1)
	for i, key := range []string{"", "a"} {
		if _, err := groups.Push(out, key, 0, []float64{1}); err != nil || isNaN(out[0]) != (i == 0) {
			t.Errorf("got %v, %v", out, err)
		}
	}
	if groups.Forget("anything"); groups.Len() != 0 {
		t.Error("not forgotten")
	}
}

// Goroutines that push at once, some into one group, get what each group has alone.
func TestGroupsAreComputedAtOnce(t *testing.T) {
	plan := Compile(nodeSpec(t))
	groups, rows := plan.NewGroups(), nodeRows(200)
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			key, alone := fmt.Sprintf("node %d", worker), plan.NewStream()
			got, want, common := make([]float64, 123), make([]float64, 123), make([]float32, 123)
			for i, row := range rows {
				_, err := groups.Push(got, key, float64(i), row)
				_, errAlone := alone.Push(want, float64(i), row)
				_, errCommon := groups.Push32(common, "common", 0, row)
				if err := errors.Join(err, errAlone, errCommon); err != nil {
					t.Error(err)
				}
				if !slices.EqualFunc(got, want, same) {
					t.Errorf("%s, sample %d differs", key, i)
					return
				}
				if i == 100 {
					groups.Forget(key + "0")
				}
			}
		})
	}
	workers.Wait()
}

func TestATableIsWhatTheStreamsCompute(t *testing.T) {
	plan := lagging(t, skipping)
	random := rand.New(rand.NewPCG(3, 4))
	table := Table{Columns: make([][]float64, 2)}
	streams, names := map[string]*Stream{}, []string{"a", "b", "c"}
	var want []float64
	var taken []int
	for i := range 500 {
		key, at, row := names[random.IntN(3)], float64(random.IntN(i+20)), []float64{random.NormFloat64(), float64(random.IntN(2))}
		table.Groups, table.Times = append(table.Groups, key), append(table.Times, at)
		for c := range row {
			table.Columns[c] = append(table.Columns[c], row[c])
		}
		if streams[key] == nil {
			streams[key] = plan.NewStream()
		}
		out := make([]float64, 2)
		status, err := streams[key].Push(out, at, row)
		if err != nil {
			t.Fatal(err)
		}
		if status == Taken {
			want, taken = append(want, out...), append(taken, i)
		}
	}
	got, err := plan.Run(table)
	if err != nil || !slices.Equal(got.Rows, taken) || !slices.EqualFunc(got.Features, want, same) || len(taken) == 500 {
		t.Errorf("%v, %d rows of %d", err, len(got.Rows), len(taken))
	}
}

func TestARefusedRowOfATableIsNamed(t *testing.T) {
	good := func() Table {
		return Table{Columns: [][]float64{{1, 2, 3}, {0, 1, 0}}, Groups: []string{"a", "a", "b"}, Times: []float64{1, 2, 3}}
	}
	for says, spoil := range map[string]func(*Table){
		"row 1: at":     func(x *Table) { x.Times[1] = 0 },
		"row 2: node":   func(x *Table) { x.Groups[2] = "" },
		"row 0: mode":   func(x *Table) { x.Columns[1][0] = nan },
		"columns of a":  func(x *Table) { x.Columns = x.Columns[:1] },
		`column "mode"`: func(x *Table) { x.Columns[1] = x.Columns[1][:2] },
		"group node":    func(x *Table) { x.Groups = nil },
		"time at":       func(x *Table) { x.Times = x.Times[:2] },
	} {
		table := good()
		spoil(&table)
		if _, err := lagging(t, "").Run(table); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	if _, err := lagging(t, "").Run(good()); err != nil {
		t.Error(err)
	}
}
