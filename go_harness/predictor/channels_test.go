package predictor

import (
	"errors"
	"strings"
	"testing"
)

func TestTakesTheColumnsOfTheModel(t *testing.T) {
	if err := opened(t, goodDir).CheckChannels([]string{"latency", "jitter"}); err != nil {
		t.Error(err)
	}
}

func TestNamesTheFirstColumnThatDiffers(t *testing.T) {
	p := opened(t, goodDir)
	for name, c := range map[string]struct {
		columns []string
		want    ChannelError
		text    string
	}{
		"another column": {[]string{"latency", "loss"}, ChannelError{goodDir, 1, "loss", "jitter", 2, 2}, `channel 1 of 2 is "loss", expected "jitter" of the model's 2`},
		"another order":  {[]string{"jitter", "latency"}, ChannelError{goodDir, 0, "jitter", "latency", 2, 2}, `channel 0 of 2 is "jitter", expected "latency"`},
		"one too few":    {[]string{"latency"}, ChannelError{goodDir, 1, "", "jitter", 1, 2}, `channel 1 of 1 is none, expected "jitter"`},
		"one too many":   {[]string{"latency", "jitter", "loss"}, ChannelError{goodDir, 2, "loss", "", 3, 2}, `channel 2 of 3 is "loss", expected none`},
		"an empty one":   {[]string{"latency", "jitter", ""}, ChannelError{goodDir, 2, "", "", 3, 2}, `channel 2 of 3 is none, expected none of the model's 2`},
		"none":           {nil, ChannelError{goodDir, 0, "", "latency", 0, 2}, `channel 0 of 0 is none`},
	} {
		err := p.CheckChannels(c.columns)
		var typed *ChannelError
		if !errors.As(err, &typed) || *typed != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %+v", name, err, c.want)
		}
	}
}

func TestProvesNothingAboutColumnsThatTheBundleDoesNotName(t *testing.T) {
	unnamed := copied(t, `[
    "latency",
    "jitter"
   ],`, `[],`)
	if err := opened(t, unnamed).CheckChannels([]string{"latency", "jitter"}); !errors.Is(err, ErrNoChannels) {
		t.Errorf("got %v", err)
	}
}
