package ensemble

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/novacron/dwcpc/go_harness/internal/strictjson"
)

//go:generate cp ../../compiler/registry/ensemble.schema.json .

//go:embed ensemble.schema.json
var schemaJSON []byte

var definitionSchema = strictjson.NewSchema("ensemble.schema.json", schemaJSON)

const (
	schemaFamily = "dwcpc.ensemble/"
	schemaID     = schemaFamily + "1"
	// maxBytes is far above what a hundred members need; Python's reader has the same limit.
	maxBytes = 1 << 20
)

// What a Definition's Combine and Policy are.
const (
	CombineAverage = "average"
	CombineVote    = "vote"
	PolicyFail     = "fail"
	PolicyDrop     = "drop"
)

// Definition is a file that `dwcpc ensemble` writes: which models of a registry answer together, and how.
type Definition struct {
	Schema  string          `json:"schema"`
	Name    string          `json:"name"`
	Combine string          `json:"combine"`
	Members []DefinedMember `json:"members"`
	Failing Failing         `json:"failing"`
}

// DefinedMember is a model of the registry: one Version for ever, or, where it is empty, whatever `latest` names.
type DefinedMember struct {
	Model   string  `json:"model"`
	Version string  `json:"version,omitempty"`
	Weight  float64 `json:"weight"`
}

// Name is what the member is called in errors: model, or model@1.0.
func (m DefinedMember) Name() string {
	if m.Version == "" {
		return m.Model
	}
	return m.Model + "@" + m.Version
}

// Failing is what a member that fails does. Minimum is of PolicyDrop: how many have to answer.
type Failing struct {
	Policy  string `json:"policy"`
	Minimum int    `json:"minimum,omitempty"`
}

// Read returns the definition at path. Whatever is wrong with it is a *DefinitionError.
func Read(path string) (*Definition, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &DefinitionError{Path: path, Found: "unreadable (" + err.Error() + ")", Expected: "an ensemble's definition", Err: err}
	}
	defer func() { _ = file.Close() }() // opened for reading: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, &DefinitionError{Path: path, Found: "unreadable (" + err.Error() + ")", Expected: "an ensemble's definition", Err: err}
	}
	return parse(path, data)
}

func parse(path string, data []byte) (*Definition, error) {
	if len(data) > maxBytes {
		return nil, &DefinitionError{Path: path, Found: fmt.Sprintf("larger than %d bytes", maxBytes), Expected: "an ensemble's definition"}
	}
	tree, err := strictjson.Parse(data)
	if err != nil {
		return nil, &DefinitionError{Path: path, Found: err.Error(), Expected: "one JSON object", Err: err}
	}
	if err := misfit(path, tree); err != nil {
		return nil, err
	}
	d := &Definition{}
	if err := json.Unmarshal(data, d); err != nil {
		return nil, &DefinitionError{Path: path, Found: "unreadable (" + err.Error() + ")", Expected: "the fields of the schema", Err: err}
	}
	return d, d.check(path)
}

// misfit holds tree against the schema.
func misfit(path string, tree any) error {
	object, _ := tree.(map[string]any)
	if found, _ := object["schema"].(string); strings.HasPrefix(found, schemaFamily) && found != schemaID {
		return &DefinitionError{Path: path, Field: "schema", Found: strictjson.Shown(found), Expected: schemaID}
	}
	m, err := definitionSchema.Misfit(tree)
	if err != nil {
		return fmt.Errorf("ensemble: %s: %w", path, err)
	}
	if m != nil {
		return &DefinitionError{Path: path, Field: m.Field(), Found: m.Found, Expected: m.Expected}
	}
	return nil
}

// check is what the schema cannot say.
func (d *Definition) check(path string) error {
	seen := map[string]bool{}
	for i, member := range d.Members {
		if seen[member.Name()] {
			return &DefinitionError{Path: path, Field: fmt.Sprintf("members[%d]", i), Found: member.Name() + " again", Expected: "each member once"}
		}
		seen[member.Name()] = true
	}
	if n := d.Failing.Minimum; n > len(d.Members) {
		return &DefinitionError{Path: path, Field: "failing.minimum", Found: fmt.Sprint(n), Expected: fmt.Sprintf("at most %d, the number of members", len(d.Members))}
	}
	return nil
}
