package bundle

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/novacron/dwcpc/go_harness/features"
	"github.com/novacron/dwcpc/go_harness/internal/npy"
	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// Features say how the model's features are computed: Spec is the specification's JSON, and Embedded whether the graph does it,
// on raw windows. Timesteps is the length of a window of features, and nil where a row is the features of one sample.
type Features struct {
	Spec      json.RawMessage `json:"spec"`
	Embedded  bool            `json:"embedded"`
	Timesteps *int            `json:"timesteps"`
	Golden    FeatureGolden   `json:"golden"`
}

// FeatureGolden names the golden feature vectors.
type FeatureGolden struct {
	Raw      HashedFile `json:"raw"`
	Features HashedFile `json:"features"`
}

// HashedFile is a file of the bundle.
type HashedFile struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// FeatureVectors are the specification and what its executors are held against, flat and row-major: Raw is [Windows, Samples,
// columns] with places for categories, and Computed [Windows, Timesteps, features], as Python's executor computed them.
type FeatureVectors struct {
	Spec      *features.Spec
	Windows   int
	Samples   int
	Timesteps int
	Raw       []float64
	Computed  []float64
}

// spec returns the specification, nil where the bundle has none, and how many samples a raw window has.
func (f *Features) spec() (spec *features.Spec, samples int, err error) {
	if f == nil {
		return nil, 0, nil
	}
	spec, err = features.Parse(f.Spec)
	if err != nil {
		return nil, 0, err
	}
	return spec, f.steps() + spec.Lookback(), nil
}

// steps is the number of samples whose features a row is made of.
func (f *Features) steps() int {
	if f.Timesteps == nil {
		return 1
	}
	return *f.Timesteps
}

// features checks that the input is what the specification says, and the scaler that of the features.
func (m meaning) features() error {
	f := m.meta.Features
	if f == nil {
		return nil
	}
	spec, samples, err := f.spec()
	if err != nil {
		return &Error{
			Path: m.path, Field: "features.spec", Found: "refused (" + err.Error() + ")", Expected: "a feature specification",
			Remedy: remedyRecompile, Err: err,
		}
	}
	shape, names := Shape{len(spec.Features())}, spec.Features()
	if f.Timesteps != nil {
		shape = Shape{*f.Timesteps, len(names)}
	}
	if f.Embedded {
		names = spec.ColumnNames()
		shape = Shape{samples, len(names)}
	}
	input := m.meta.Inputs[0]
	if !slices.Equal(input.Shape, shape) {
		return m.refuse("inputs[0].shape", fmt.Sprint(input.Shape), fmt.Sprintf("%v, as features has it", shape))
	}
	for i, name := range input.Channels {
		if i < len(names) && name != names[i] {
			return m.refuse(fmt.Sprintf("inputs[0].channels[%d]", i), strictjson.Shown(name), strictjson.Shown(names[i])+", as features has it")
		}
	}
	if len(input.Channels) != len(names) {
		return m.refuse("inputs[0].channels", fmt.Sprintf("a list of %d", len(input.Channels)), fmt.Sprintf("%d, as features has it", len(names)))
	}
	if f.Embedded && m.meta.Scaler.Applied == ScaledByHost {
		return m.refuse("scaler.applied", ScaledByHost, ScaledByGraph+": the graph computes the features that it scales")
	}
	return m.featureFiles(f.Golden)
}

func (m meaning) featureFiles(golden FeatureGolden) error {
	paths := map[string]bool{}
	for _, file := range m.meta.Golden.Files {
		paths[file.File] = true
	}
	for _, each := range []struct {
		key  string
		file HashedFile
	}{{"raw", golden.Raw}, {"features", golden.Features}} {
		if paths[each.file.File] {
			return m.refuse("features.golden."+each.key+".file", strictjson.Shown(each.file.File), "a file of its own")
		}
		paths[each.file.File] = true
	}
	return nil
}

// scaled returns what the scaler is applied to, and how wide that is: the input, or the features that the graph makes of it.
func (m meaning) scaled() (what string, width int) {
	input := m.meta.Inputs[0]
	if f := m.meta.Features; f != nil && f.Embedded {
		if spec, _, err := f.spec(); err == nil { // else it was refused before
			return "its features", len(spec.Features())
		}
	}
	return "the last axis of " + input.Name, input.Shape.Width()
}

// readFeatures reads and verifies the golden feature vectors; nil where the bundle has no specification.
func (r reader) readFeatures(meta *Metadata) (*FeatureVectors, error) {
	f := meta.Features
	spec, samples, err := f.spec()
	if spec == nil || err != nil {
		return nil, err
	}
	v := &FeatureVectors{Spec: spec, Samples: samples, Timesteps: f.steps()}
	raw, err := r.readFloats(f.Golden.Raw)
	if err != nil {
		return nil, err
	}
	if len(raw.Shape) > 0 {
		v.Windows = raw.Shape[0]
	}
	computed, err := r.readFloats(f.Golden.Features)
	if err != nil {
		return nil, err
	}
	for _, each := range []struct {
		file  HashedFile
		array npy.Array[float64]
		shape []int
	}{
		{f.Golden.Raw, raw, []int{v.Windows, samples, len(spec.Columns)}},
		{f.Golden.Features, computed, []int{v.Windows, v.Timesteps, len(spec.Features())}},
	} {
		if !slices.Equal(each.array.Shape, each.shape) {
			return nil, &Error{
				Path: r.path(each.file.File), Found: fmt.Sprintf("an array of shape %v", each.array.Shape), Expected: fmt.Sprint(each.shape),
				Remedy: remedyRecompile,
			}
		}
	}
	v.Raw, v.Computed = raw.Data, computed.Data
	return v, nil
}

func (r reader) readFloats(file HashedFile) (npy.Array[float64], error) {
	data, err := r.read(file.File, maxGoldenBytes)
	if err != nil {
		return npy.Array[float64]{}, err
	}
	if err := r.verify(file.File, data, file.SHA256); err != nil {
		return npy.Array[float64]{}, err
	}
	array, err := npy.Decode[float64](data)
	if err != nil {
		return array, &Error{
			Path: r.path(file.File), Found: "unreadable (" + err.Error() + ")", Expected: "a golden array", Remedy: remedyRecompile, Err: err,
		}
	}
	return array, nil
}
