package dwcpc_test

import (
	"errors"
	"fmt"
	"log"

	dwcpc "github.com/novacron/dwcpc/go_harness"
)

func Example() {
	rt, err := dwcpc.Open() // as often as is convenient: the library is opened once
	if err != nil {
		log.Fatal(err) // a *dwcpc.LibraryError lists every path that was tried
	}
	defer func() { _ = rt.Close() }()
	fmt.Println(rt.Library().Version != "")

	_, err = dwcpc.Open(dwcpc.WithLibrary("/nowhere/libonnxruntime.so"))
	var library *dwcpc.LibraryError
	fmt.Println(errors.As(err, &library))
	// Output:
	// true
	// true
}
