package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// reader reads files below one folder. os.Root keeps every path and every symbolic link inside it.
type reader struct {
	dir  string
	root *os.Root
}

func openReader(dir string) (reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return reader{}, &Error{Path: dir, Found: "not a folder that can be opened", Expected: "a bundle's folder", Remedy: "check the path", Err: err}
	}
	return reader{dir: dir, root: root}, nil
}

func (r reader) path(name string) string {
	return filepath.Join(r.dir, filepath.FromSlash(name))
}

func (r reader) close() error {
	return r.root.Close()
}

// read returns the whole of a regular file, which may hold at most maxBytes.
func (r reader) read(name string, maxBytes int64) ([]byte, error) {
	path := r.path(name)
	// Asked before opening: opening a pipe would wait for its other end.
	info, err := r.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Found: "not a regular file", Expected: "a file", Remedy: remedyRecompile}
	}
	file, err := r.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = file.Close() }() // opened for reading: nothing can be lost
	// The size is a hint for the buffer; the limit is what holds when the file grows meanwhile.
	if info.Size() > maxBytes {
		return nil, tooLarge(path, maxBytes)
	}
	data := make([]byte, info.Size())
	n, err := io.ReadFull(file, data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, unreadable(path, err)
	}
	return data[:n], nil
}

func unreadable(path string, err error) error {
	found, expected := "unreadable", "a readable file"
	if errors.Is(err, fs.ErrNotExist) {
		found, expected = "missing", "a file"
	}
	var cause *fs.PathError
	if errors.As(err, &cause) && !errors.Is(err, fs.ErrNotExist) {
		found += " (" + cause.Err.Error() + ")"
	}
	return &Error{Path: path, Found: found, Expected: expected + " inside the bundle", Remedy: remedyRecompile, Err: err}
}

func tooLarge(path string, maxBytes int64) error {
	return &Error{Path: path, Found: "too large", Expected: fmt.Sprintf("at most %d bytes", maxBytes), Remedy: remedyRecompile}
}

// verify compares data with the hash that its record states.
func (r reader) verify(name string, data []byte, want string) error {
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != want {
		return &Error{
			Path: r.path(name), Found: "a file with sha256 " + got, Expected: want, Remedy: "copy the bundle again or compile it again", Err: ErrIntegrity,
		}
	}
	return nil
}
