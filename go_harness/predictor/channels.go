package predictor

import "fmt"

// ChannelError says that a service feeds other columns than the model was trained on. Index is the first that differs; where
// one list ends before that, Found or Expected is empty.
type ChannelError struct {
	Bundle        string
	Index         int
	Found         string
	Expected      string
	FoundCount    int
	ExpectedCount int
}

// Error names the first difference and both counts.
func (e *ChannelError) Error() string {
	return fmt.Sprintf("predictor: %s: channel %d of %d is %s, expected %s of the model's %d; feed its columns in its order",
		e.Bundle, e.Index, e.FoundCount, channelOrNone(e.Found), channelOrNone(e.Expected), e.ExpectedCount)
}

func channelOrNone(name string) string {
	if name == "" {
		return "none"
	}
	return fmt.Sprintf("%q", name)
}

// CheckChannels compares the columns that a service feeds, in its order, with the channels of the bundle's input. Another
// name, order or count is a *ChannelError; a bundle that names no channels proves nothing and is ErrNoChannels. Ask once, when
// the service starts: neither list changes.
func (p *Predictor) CheckChannels(channels []string) error {
	expected := p.bundle.Metadata.Inputs[0].Channels
	if len(expected) == 0 {
		return ErrNoChannels
	}
	for i := range max(len(channels), len(expected)) {
		found, want := channelAt(channels, i), channelAt(expected, i)
		if found != want || i >= min(len(channels), len(expected)) {
			return &ChannelError{
				Bundle: p.bundle.Dir, Index: i, Found: found, Expected: want, FoundCount: len(channels), ExpectedCount: len(expected),
			}
		}
	}
	return nil
}

func channelAt(channels []string, i int) string {
	if i >= len(channels) {
		return ""
	}
	return channels[i]
}
