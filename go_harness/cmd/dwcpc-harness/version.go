package main

import (
	"runtime"

	"github.com/novacron/dwcpc/go_harness/internal/engine"
)

type versionResult struct {
	Harness     string `json:"harness"`
	Go          string `json:"go"`
	ONNXRuntime string `json:"onnxruntime"`
	Library     string `json:"library"`
	Arch        string `json:"arch"`
}

func runVersion(args []string) (any, error) {
	o := newOptions("version")
	if err := o.parse(args); err != nil {
		return nil, err
	}
	r, err := engine.Open(o.library)
	if err != nil {
		return nil, err
	}
	library := r.Library()
	return versionResult{
		Harness: version, Go: runtime.Version(), ONNXRuntime: library.Version, Library: library.Path, Arch: runtime.GOOS + "/" + runtime.GOARCH,
	}, r.Close()
}
