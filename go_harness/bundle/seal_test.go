package bundle

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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

func TestRefusesEverySingleBitThatChanged(t *testing.T) {
	path, text := sealedMetadata(t)
	if _, err := parseMetadata(path, text); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(text)
	for bit := range 8 * len(text) {
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := parseMetadata(path, changed); err == nil {
			t.Errorf("bit %d of byte %d, %q, is read", bit%8, bit/8, text[bit/8])
		}
		changed[bit/8] ^= 1 << (bit % 8)
	}
}

func TestRefusesATextOfAnotherEnd(t *testing.T) {
	path, text := sealedMetadata(t)
	for _, end := range []string{"", "\n\n", " \n", "\r\n"} {
		if _, err := parseMetadata(path, append(bytes.TrimSuffix(bytes.Clone(text), []byte("\n")), end...)); !errors.Is(err, ErrIntegrity) {
			t.Errorf("ending in %q: %v", end, err)
		}
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

func TestRefusesWhatWasNeverSealed(t *testing.T) {
	path, text := sealedMetadata(t)
	end := bytes.LastIndex(text, beforeChecksum)
	var missing *Error
	_, err := parseMetadata(path, append(bytes.Clone(text[:end]), "\n}\n"...))
	if !errors.As(err, &missing) || missing.Field != checksumKey || missing.Found != "missing" || !errors.Is(err, ErrIntegrity) {
		t.Errorf("got %v", err)
	}
	if want := "checksum is missing, expected the SHA-256 of the text before it, on a line at the end of the file; compile"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	// Written anew by another program, with the checksum of the old text in it.
	rewritten := strings.ReplaceAll(string(text), "\n ", "\n  ")
	if _, err := parseMetadata(path, []byte(rewritten)); !errors.Is(err, ErrIntegrity) {
		t.Errorf("a text that was rewritten: %v", err)
	}
}
