//go:build !linux || !cgo

package memory

func trim() bool {
	return false
}
