package bundle

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The fixture was sealed by Python: both compute the same checksum.
func sealedMetadata(t *testing.T) (string, []byte) {
	t.Helper()
	path := filepath.Join("..", "..", "tests", "fixtures", "bundles", "one_row", MetadataFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, beforeChecksum) {
		t.Fatal("the fixture has no checksum")
	}
	return path, text
}

func TestRefusesASingleBitThatChangedAnywhere(t *testing.T) {
	path, text := sealedMetadata(t)
	good, err := parseMetadata(path, text)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := range text {
		changed := bytes.Clone(text)
		changed[at] ^= 1
		meta, err := parseMetadata(path, changed)
		switch {
		case err != nil:
			refused++
		case !reflect.DeepEqual(meta, good): // the checksum's own name may change, and nothing else
			t.Fatalf("byte %d: read as another", at)
		}
	}
	if refused < len(text)-len(checksumKey) {
		t.Errorf("refused %d of %d", refused, len(text))
	}
}

func TestNamesTheChecksumThatDoesNotHold(t *testing.T) {
	path, text := sealedMetadata(t)
	var broken *Error
	_, err := parseMetadata(path, bytes.Replace(text, []byte("tiny_one_row"), []byte("tiny_one_raw"), 1))
	if !errors.As(err, &broken) || broken.Field != checksumKey || !errors.Is(err, ErrIntegrity) {
		t.Errorf("got %v", err)
	}
}

func TestReadsWhatWasNeverSealed(t *testing.T) {
	path, text := sealedMetadata(t)
	end := bytes.LastIndex(text, beforeChecksum)
	if _, err := parseMetadata(path, append(bytes.Clone(text[:end]), "\n}\n"...)); err != nil {
		t.Error(err)
	}
	// Written anew by another program, with the checksum of the old text in it.
	rewritten := strings.ReplaceAll(string(text), "\n ", "\n  ")
	if _, err := parseMetadata(path, []byte(rewritten)); err == nil {
		t.Error("a text that was rewritten was taken for the one that was sealed")
	}
}
