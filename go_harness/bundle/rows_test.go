package bundle

import (
	"testing"
)

func TestReadsACandidateOfBeforeItsWorstRowWasTold(t *testing.T) {
	before := edited(t, edit{File: MetadataFile, Op: "delete", Pointer: "/precision_search/candidates/1/worst_row"})
	for dir, want := range map[string]bool{goodDir: true, before: false} {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if worst := b.Metadata.Search.Candidates[1].WorstRow; (worst != nil) != want || (want && *worst != 1.5) {
			t.Errorf("%s: got %v", dir, worst)
		}
	}
}

func TestTellsHowManyRowsACallTakes(t *testing.T) {
	before := edited(t, edit{File: MetadataFile, Op: "delete", Pointer: "/model/batch"}) // as bundles were written
	for dir, want := range map[string]int{goodDir: 0, before: 0, oneRowDir: 1} {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if rows := b.Metadata.Model.RowsPerCall(); rows != want || len(b.Metadata.Inputs[0].Shape) != 2 || b.Metadata.Golden.Rows != 10 {
			t.Errorf("%s: got %d rows a call, %+v and %d golden rows", dir, rows, b.Metadata.Inputs[0], b.Metadata.Golden.Rows)
		}
	}
}
