package abtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// go test ./abtest -run TestThePowerTable -update -timeout 1h
var update = flag.Bool("update", false, "write the figures of docs/abtest.md again")

var (
	powerFile = filepath.Join("..", "..", "docs", "abtest.md")
	// powerAt are the losses of both arms together by which a winner is asked for; the last is the experiments' MaxSamples.
	powerAt = []int{1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000}
	effects = []float64{0.02, 0.05, 0.10, 0.20, 0.50}
)

// rows is what the power table is about. The last two are the same losses, in a range that fits them worse and better.
var rows = []struct {
	shape  shape
	config Config
}{
	{errors20, Config{}}, {rare, Config{}}, {tailed, Config{}}, {even, Config{}}, {even, Config{LossMax: 0.25}},
}

// winsBy returns, for each of powerAt, in which share of n experiments the better arm had won, and in which share the other
// ever did.
func winsBy(t testing.TB, n int, s shape, effect float64, config Config) (wins []float64, wrong float64) {
	last := powerAt[len(powerAt)-1]
	config.MaxSamples = last
	wins = make([]float64, len(powerAt))
	for i := range n {
		decision := run(t, rand.New(rand.NewPCG(30, uint64(i))), s, effect, config, last)
		if decision.Winner == 0 {
			wrong += 1 / float64(n)
		}
		for j, at := range powerAt {
			if decision.Winner == 1 && decision.Samples <= at {
				wins[j] += 1 / float64(n)
			}
		}
	}
	return wins, wrong
}

const (
	powerBegin = "<!-- power -->\n"
	powerEnd   = "<!-- end of power -->\n"
)

func TestThePowerTable(t *testing.T) {
	if *update {
		rewrite(t, powerBegin, powerEnd, powerTable(t, 400))
		rewrite(t, "<!-- peeking -->\n", "<!-- end of peeking -->\n", peekingTable(t, 1000))
		rewrite(t, "<!-- assumptions -->\n", "<!-- end of assumptions -->\n", assumptionsTable(t, 400))
	}
	// One of the rows again, with fewer experiments: 3 standard deviations of their share are 15 points.
	want := documented(t, row(errors20, Config{}, 0.20))
	got, wrong := winsBy(t, 100, errors20, 0.20, Config{})
	for i := range got {
		if d := 100*got[i] - want[i]; d < -15 || d > 15 {
			t.Errorf("%d samples: %.0f %% won, docs/abtest.md says %.0f %%", powerAt[i], 100*got[i], want[i])
		}
	}
	if wrong > 0.05 {
		t.Errorf("the worse arm won in %.0f %%", 100*wrong)
	}
}

func row(s shape, config Config, effect float64) string {
	return fmt.Sprintf("| %s | 0 to %v | %.0f %% |", s.name, or(config.LossMax, 1), 100*effect)
}

func powerTable(t testing.TB, n int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "| loss of the old arm | limits | the new one is better by | %s |\n|---|---|---|%s\n", joined(powerAt), strings.Repeat("---|", len(powerAt)))
	worst := 0.0
	for _, r := range rows {
		for _, effect := range effects {
			wins, wrong := winsBy(t, n, r.shape, effect, r.config)
			worst = max(worst, wrong)
			text.WriteString(row(r.shape, r.config, effect))
			for _, share := range wins {
				fmt.Fprintf(&text, " %.0f |", 100*share)
			}
			text.WriteString("\n")
		}
	}
	fmt.Fprintf(&text, "\n%d experiments a row. The worse arm won in at most %.1f %% of a row's.\n", n, 100*worst)
	return text.String()
}

func joined(numbers []int) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, fmt.Sprint(n))
	}
	return strings.Join(texts, " | ")
}

func peekingTable(t testing.TB, n int) string {
	const samples = 20_000
	var text strings.Builder
	text.WriteString("| losses of both arms | this package | the same, never stopping early | a t-test at each look |\n|---|---|---|---|\n")
	for _, s := range []shape{errors20, rare, tailed, even} {
		fmt.Fprintf(&text, "| %s |", s.name)
		// Against a horizon that far away, it is never hopeless: nothing ends the experiment but a winner.
		for _, horizon := range []int{samples, 1000 * samples} {
			wins := share(n, func(rng *rand.Rand) bool { return run(t, rng, s, 0, Config{MaxSamples: horizon}, samples).State == Won })
			fmt.Fprintf(&text, " %.1f %% |", 100*wins)
		}
		fmt.Fprintf(&text, " %.1f %% |\n", 100*share(n, func(rng *rand.Rand) bool { return peeked(rng, s, samples) }))
	}
	fmt.Fprintf(&text, "\n%d experiments each, of %d losses, a look after every one.\n", n, samples)
	return text.String()
}

func assumptionsTable(t testing.TB, n int) string {
	const samples = 20_000
	var text strings.Builder
	text.WriteString("| no difference between the arms, but | false winners |\n|---|---|\n")
	for _, c := range []struct {
		name string
		wins float64
	}{
		{"both arms' error rate moves between 5 and 45 %, every 1,000 losses", stream(busy).winnersOf(t, n, samples, DefaultBlock)},
		{"neighbouring losses of an arm have a correlation of 0.9", stream(alike).winnersOf(t, n, samples, DefaultBlock)},
		{fmt.Sprintf("the same, `Block: %d`", longBlock), stream(alike).winnersOf(t, n, samples, longBlock)},
		{"20 sticky keys with error rates from 0 to 40 %", fewKeys(t, n, samples, false)},
		{"the same, both arms asked for each key", fewKeys(t, n, samples, true)},
	} {
		fmt.Fprintf(&text, "| %s | %.1f %% |\n", c.name, 100*c.wins)
	}
	fmt.Fprintf(&text, "\n%d experiments each, of %d losses.\n", n, samples)
	return text.String()
}

// rewrite replaces what stands between two lines of the document.
func rewrite(t *testing.T, begin, end, text string) {
	t.Helper()
	data, err := os.ReadFile(powerFile)
	recorded(t, err)
	before, rest, found := strings.Cut(string(data), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no lines %q and %q", powerFile, begin, end)
	}
	recorded(t, os.WriteFile(powerFile, []byte(before+begin+text+end+after), 0o644))
}

// documented reads the percentages that follow a row's beginning.
func documented(t *testing.T, begin string) []float64 {
	t.Helper()
	data, err := os.ReadFile(powerFile)
	recorded(t, err)
	lines := strings.Split(string(data), "\n")
	i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, begin) })
	if i < 0 {
		t.Fatalf("%s has no row %q", powerFile, begin)
	}
	var values []float64
	for _, cell := range strings.Split(strings.TrimSuffix(lines[i][len(begin):], "|"), "|") {
		var value float64
		if _, err := fmt.Sscan(cell, &value); err != nil {
			t.Fatalf("%s: %q is no percentage: %v", powerFile, cell, err)
		}
		values = append(values, value)
	}
	if len(values) != len(powerAt) {
		t.Fatalf("%s: %d percentages in %q, expected %d", powerFile, len(values), lines[i], len(powerAt))
	}
	return values
}
