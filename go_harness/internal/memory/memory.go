// Package memory returns to the system what the C heap keeps after a model was unloaded.
//
// A session is many small blocks, freed between those of other sessions: glibc keeps the pages for itself, and a process that
// reloads grows with every reload. Go's own heap needs no such help: its scavenger returns pages by itself.
package memory

// Trim returns the C heap's free pages to the system, where the C library can, and reports whether it can. It takes about 100 ms
// per GB of heap and holds the heap's locks meanwhile: keep it away from predictions, and do it rarely.
func Trim() bool {
	return trim()
}
