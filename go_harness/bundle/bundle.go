// Package bundle reads a bundle: model.onnx, metadata.json and the golden vectors that dwcpc compile writes. Opening one
// proves that it is whole and that its parts agree; that the model computes the golden outputs is for a runtime to prove.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

// MetadataFile is the file that makes a folder a bundle.
const MetadataFile = "metadata.json"

const (
	modelFile = "model.onnx"
	// maxMetadataBytes is far above what hundreds of features and checks need.
	maxMetadataBytes = 4 << 20
	// maxModelBytes is protobuf's own limit on a message.
	maxModelBytes = 1<<31 - 1
)

// Bundle is a verified bundle. It is immutable by convention: share it, but do not change it.
type Bundle struct {
	Dir      string
	Metadata Metadata
	Golden   Vectors
	// Features are the golden feature vectors; nil where the bundle has no feature specification.
	Features *FeatureVectors
	// Model is the content of model.onnx: what was hashed is what a session loads, whatever happens to the file meanwhile.
	Model []byte
	// Digest is the SHA-256 of metadata.json, in which the hashes of all other files are: bundles of one digest are the same.
	Digest string
}

// Open reads and verifies the bundle in dir: the metadata against the schema and in itself, and every file's hash. Whatever
// is wrong with the bundle is an *Error.
func Open(dir string) (*Bundle, error) {
	files, err := openReader(dir)
	if err != nil {
		return nil, err
	}
	b, err := files.open()
	return b, errors.Join(err, files.close())
}

func (r reader) open() (*Bundle, error) {
	text, err := r.read(MetadataFile, maxMetadataBytes)
	if err != nil {
		return nil, err
	}
	meta, err := parseMetadata(r.path(MetadataFile), text)
	if err != nil {
		return nil, err
	}
	if err := r.checkFolder(meta.Version); err != nil {
		return nil, err
	}
	model, err := r.readModel(meta.Model)
	if err != nil {
		return nil, err
	}
	if err := r.checkRows(model, meta.Model.RowsPerCall()); err != nil {
		return nil, err
	}
	vectors, err := r.readGolden(meta)
	if err != nil {
		return nil, err
	}
	features, err := r.readFeatures(meta)
	if err != nil {
		return nil, err
	}
	return &Bundle{Dir: r.dir, Metadata: *meta, Golden: vectors, Features: features, Model: model, Digest: digest(text)}, nil
}

// Digest returns what the bundle in dir would have for its Digest, without reading or checking more than metadata.json.
func Digest(dir string) (string, error) {
	files, err := openReader(dir)
	if err != nil {
		return "", err
	}
	text, err := files.read(MetadataFile, maxMetadataBytes)
	return digest(text), errors.Join(err, files.close())
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// parseMetadata returns the metadata in text, checked by all that can be checked without the other files.
func parseMetadata(path string, text []byte) (*Metadata, error) {
	tree, err := strictjson.Parse(text)
	if err != nil {
		return nil, &Error{Path: path, Found: err.Error(), Expected: "one JSON object as dwcpc writes it", Remedy: remedyRecompile, Err: err}
	}
	if err := checkMajor(path, tree); err != nil {
		return nil, err
	}
	if err := checkSchema(path, tree); err != nil {
		return nil, err
	}
	var meta Metadata
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, unmarshalError(path, err)
	}
	if err := (meaning{path: path, meta: &meta}).check(); err != nil {
		return nil, err
	}
	if err := checkSeal(path, text, tree); err != nil {
		return nil, err
	}
	return &meta, nil
}

// checkFolder refuses a copy under another version's name: it would be served as that one.
func (r reader) checkFolder(version string) error {
	name := filepath.Base(r.dir)
	if !IsVersionFolder(name) || name == "v"+version {
		return nil
	}
	return &Error{
		Path: r.path(MetadataFile), Field: "version", Found: strconv.Quote(version), Expected: strconv.Quote(name[1:]) + ", as its folder",
		Remedy: "publish it with --version instead of copying it",
	}
}

// unmarshalError reports the rare value that the schema takes for an integer and Go does not, such as 1.0.
func unmarshalError(path string, err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return &Error{Path: path, Found: "unreadable (" + err.Error() + ")", Expected: "the fields of the schema", Remedy: remedyRecompile, Err: err}
	}
	return &Error{Path: path, Field: mismatch.Field, Found: mismatch.Value, Expected: mismatch.Type.String(), Remedy: remedyRecompile, Err: err}
}

func (r reader) readModel(record ModelFile) ([]byte, error) {
	model, err := r.read(modelFile, maxModelBytes)
	if err != nil {
		return nil, err
	}
	if size := int64(len(model)); size != record.Bytes {
		return nil, &Error{
			Path: r.path(modelFile), Found: fmt.Sprintf("%d bytes long", size), Expected: fmt.Sprint(record.Bytes),
			Remedy: "copy the bundle again or compile it again", Err: ErrIntegrity,
		}
	}
	if err := r.verify(modelFile, model, record.SHA256); err != nil {
		return nil, err
	}
	return model, nil
}
