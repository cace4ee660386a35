//go:build linux && cgo

package memory

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static int dwcpc_trim(void) { malloc_trim(0); return 1; }
#else
static int dwcpc_trim(void) { return 0; } // musl has none, and keeps less
#endif
*/
import "C"

func trim() bool {
	return C.dwcpc_trim() == 1
}
