package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/npy"
)

const (
	kindInput  = "input"
	kindOutput = "output"
	// maxGoldenBytes bounds one golden file; they hold some hundred rows.
	maxGoldenBytes = 1 << 28
)

// Vectors are the golden rows, each tensor flat and row-major: Inputs[i] belongs to Metadata.Inputs[i], Outputs[i] to
// Metadata.Outputs[i]. Inputs are raw; outputs are the source model's, int64 ones as float64: exact up to 2^53.
type Vectors struct {
	Inputs  [][]float32
	Outputs [][]float64
}

// readGolden reads and verifies every golden file.
func (r reader) readGolden(meta *Metadata) (Vectors, error) {
	var none Vectors
	vectors := Vectors{Inputs: make([][]float32, len(meta.Inputs)), Outputs: make([][]float64, len(meta.Outputs))}
	var digests strings.Builder
	for _, file := range meta.Golden.Files {
		data, err := r.read(file.File, maxGoldenBytes)
		if err != nil {
			return none, err
		}
		if err := r.verify(file.File, data, file.SHA256); err != nil {
			return none, err
		}
		digests.WriteString(file.SHA256)
		named := func(tensor Tensor) bool { return tensor.Name == file.Tensor }
		if file.Kind == kindInput {
			i := slices.IndexFunc(meta.Inputs, named)
			vectors.Inputs[i], err = golden[float32](r.path(file.File), data, meta.Inputs[i].Shape.Batched(meta.Golden.Rows))
		} else {
			i := slices.IndexFunc(meta.Outputs, named)
			vectors.Outputs[i], err = golden[float64](r.path(file.File), data, meta.Outputs[i].Shape.Batched(meta.Golden.Rows))
		}
		if err != nil {
			return none, err
		}
	}
	sum := sha256.Sum256([]byte(digests.String()))
	if got := hex.EncodeToString(sum[:]); got != meta.Golden.SHA256 {
		return none, &Error{
			Path: r.path(MetadataFile), Field: "golden.sha256", Found: meta.Golden.SHA256, Expected: got + ", over the files' hashes in order",
			Remedy: remedyRecompile, Err: ErrIntegrity,
		}
	}
	return vectors, nil
}

func golden[T npy.Element](path string, data []byte, shape []int) ([]T, error) {
	array, err := npy.Decode[T](data)
	if err != nil {
		return nil, &Error{Path: path, Found: "unreadable (" + err.Error() + ")", Expected: "a golden array", Remedy: remedyRecompile, Err: err}
	}
	if !slices.Equal(array.Shape, shape) {
		return nil, &Error{Path: path, Found: fmt.Sprintf("an array of shape %v", array.Shape), Expected: fmt.Sprint(shape), Remedy: remedyRecompile}
	}
	return array.Data, nil
}
