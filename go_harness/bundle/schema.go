package bundle

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

//go:generate cp ../../compiler/bundle.schema.json .

//go:embed bundle.schema.json
var schemaJSON []byte

var metadataSchema = strictjson.NewSchema("bundle.schema.json", schemaJSON)

const (
	schemaFamily = "dwcpc.bundle/"
	schemaMajor  = "1"
)

// checkMajor refuses a bundle of another major version in a sentence of its own: its fields would only confuse.
func checkMajor(path string, tree any) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return &Error{Path: path, Found: "not a JSON object", Expected: "an object of the bundle's facts", Remedy: remedyRecompile}
	}
	found, ok := object["schema"].(string)
	version, isFamily := strings.CutPrefix(found, schemaFamily)
	if !ok || !isFamily {
		return nil // the schema says it better
	}
	major, _, _ := strings.Cut(version, ".")
	if major == schemaMajor {
		return nil
	}
	return &Error{
		Path: path, Field: "schema", Found: strictjson.Shown(found), Expected: "major version " + schemaMajor + ", the only one this reader knows",
		Remedy: "upgrade the reader or compile the bundle with an older dwcpc", Err: ErrSchemaVersion,
	}
}

// checkSchema validates tree, as strictjson.Parse returns it, and reports the first and deepest violation.
func checkSchema(path string, tree any) error {
	misfit, err := metadataSchema.Misfit(tree)
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", path, err)
	}
	if misfit != nil {
		return &Error{Path: path, Field: misfit.Field(), Found: misfit.Found, Expected: misfit.Expected, Remedy: remedyRecompile}
	}
	return nil
}
