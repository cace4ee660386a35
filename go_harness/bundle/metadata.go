package bundle

// Metadata is a bundle's metadata.json. Its contract is bundle.schema.json; a test holds the two together.
type Metadata struct {
	Schema       string           `json:"schema"`
	Name         string           `json:"name"`
	Version      string           `json:"version"`
	Created      string           `json:"created"` // RFC 3339, UTC
	Compiler     string           `json:"compiler"`
	ModelType    string           `json:"model_type"`
	Task         string           `json:"task"`
	Target       string           `json:"target"`
	Source       Source           `json:"source"`
	Precision    []LayerPrecision `json:"precision"`
	Search       *PrecisionSearch `json:"precision_search"`
	Passes       []StepRecord     `json:"passes"`
	Model        ModelFile        `json:"model"`
	Inputs       []Tensor         `json:"inputs"`
	Outputs      []Tensor         `json:"outputs"`
	Scaler       Scaler           `json:"scaler"`
	TargetScaler *Scaler          `json:"target_scaler"`
	Features     *Features        `json:"features"` // nil where the bundle does not say how they are computed
	Decision     *Decision        `json:"decision"`
	NonFinite    string           `json:"non_finite"` // NonFinitePropagated or NonFiniteAnswered
	Runtime      Runtime          `json:"runtime"`
	Golden       Golden           `json:"golden"`
	Parity       *Parity          `json:"parity"`       // nil until verified
	Measurements *Measurements    `json:"measurements"` // nil until measured
	Budgets      []Budget         `json:"budgets"`
}

// What the outputs of a row with a NaN or an infinity are; where the graph computes the features, of a row with such features.
const (
	NonFinitePropagated = "propagated" // NaN in every float32 output, Unanswered in every int64 one
	NonFiniteAnswered   = "answered"   // the model's own answer to such a row
)

// Unanswered is what a row that was not answered has in int64 outputs. As a label it may be a class as well.
const Unanswered = -1

// TaskClassification is the Task of a model that names a class for each row.
const TaskClassification = "classification"

// Source is the artifact that the bundle was made from.
type Source struct {
	Framework          string         `json:"framework"`
	FrameworkVersion   string         `json:"framework_version"`
	File               string         `json:"file"`
	SHA256             string         `json:"sha256"`
	Kind               string         `json:"kind"`
	Architecture       *string        `json:"architecture"`
	ArchitectureConfig map[string]int `json:"architecture_config"`
	ScalerSHA256       *string        `json:"scaler_sha256"`
	TargetScalerSHA256 *string        `json:"target_scaler_sha256"`
	Missing            *float64       `json:"missing"` // counts as missing, as NaN does, behind the scaler; nil for none
	PickledClasses     []string       `json:"pickled_classes"`
	Notes              []string       `json:"notes"`
	Training           *Training      `json:"training"` // nil where nobody said what it was trained on
}

// Training is the rows that the model was fitted to and its threshold chosen on. Until is the latest time among them, seconds
// since 1970 where times are dates; nil where another table's times cannot be compared with them.
type Training struct {
	Kind  string   `json:"kind"` // "file" or "simulated"
	Rows  int      `json:"rows"`
	Until *float64 `json:"until"`
	Seed  int64    `json:"seed"`
	Note  string   `json:"note"`
}

// LayerPrecision is what one layer was given, and why.
type LayerPrecision struct {
	Layer     string `json:"layer"`
	Op        string `json:"op"`
	Precision string `json:"precision"`
	Reason    string `json:"reason"`
}

// StepRecord is what one graph pass did, or the reasons why it did nothing.
type StepRecord struct {
	Name    string   `json:"name"`
	Changed int      `json:"changed"`
	Refused []string `json:"refused"`
	Nodes   int      `json:"nodes"`
	// Effect is the latency behind the pass as a share of the one before it, where that was measured.
	Effect *LatencyRatio `json:"effect"`
}

// LatencyRatio is one model's latency as a share of another's: the median of adjacent pairs, and its bounds.
type LatencyRatio struct {
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// PrecisionSearch is what a target of reduced precision tried: its floor, and every candidate that was measured.
type PrecisionSearch struct {
	MinSQNRdB   float64     `json:"min_sqnr_db"`
	Seed        int64       `json:"seed"`
	Calibration Calibration `json:"calibration"`
	Candidates  []Candidate `json:"candidates"`
}

// Calibration is the rows that weights were rounded by: Kind is "file" or "drawn".
type Calibration struct {
	Kind string `json:"kind"`
	Rows int    `json:"rows"`
	Note string `json:"note"`
}

// Candidate is one way to give the layers their precision, as measured; Latency is a share of the float32 bundle's.
type Candidate struct {
	Name       string            `json:"name"`
	Layers     map[string]string `json:"layers"`
	SQNRdB     float64           `json:"sqnr_db"`
	Flips      int               `json:"flips"`
	Rows       int               `json:"rows"`
	ModelBytes int64             `json:"model_bytes"`
	Latency    *LatencyRatio     `json:"latency"`
	Chosen     bool              `json:"chosen"`
	Reason     string            `json:"reason"`
	// WorstRow is the largest share of what it may err that a single row does; nil in bundles that do not tell it.
	WorstRow *float64 `json:"worst_row"`
}

// ModelFile is the ONNX file. NodesExported counts the exporter's graph, before any pass. Batch is 1 where a call takes exactly
// one row, and nil where it takes any number of them.
type ModelFile struct {
	File          string `json:"file"`
	SHA256        string `json:"sha256"`
	Bytes         int64  `json:"bytes"`
	Opset         int    `json:"opset"`
	IRVersion     int    `json:"ir_version"`
	Nodes         int    `json:"nodes"`
	NodesExported int    `json:"nodes_exported"`
	Batch         *int   `json:"batch"`
}

// RowsPerCall returns how many rows a call takes, exactly; 0 is any number.
func (f ModelFile) RowsPerCall() int {
	if f.Batch == nil {
		return 0
	}
	return *f.Batch
}

// Who scales the inputs.
const (
	ScaledByGraph = "graph" // the model does: callers give raw values
	ScaledByHost  = "host"  // the caller does
)

// Scaler is (x - Center) / Scale per feature; Applied says who does it, ScaledByGraph or ScaledByHost.
type Scaler struct {
	Type    string    `json:"type"`
	Center  []float64 `json:"center"`
	Scale   []float64 `json:"scale"`
	Applied string    `json:"applied"`
}

// Decision makes a prediction an anomaly: float64(score) Comparison Threshold, Score being the output named so, unless there
// is a Flag. That names an int64 output of one value which is the decision, taken from what is not yet rounded, where the
// float32 score may lie across the threshold: 1 an anomaly, 0 none, Unanswered. Of a classifier Flag is its label, and Score
// its probabilities, of which the last is compared.
type Decision struct {
	Score      string  `json:"score"`
	Definition string  `json:"definition"`
	Threshold  float64 `json:"threshold"`
	Comparison string  `json:"comparison"`
	Flag       *string `json:"flag"`
}

// Runtime holds the session settings, and the onnxruntime versions in which parity was proven.
type Runtime struct {
	Session  SessionSettings   `json:"session"`
	Verified map[string]string `json:"verified"`
}

// SessionSettings say how every runtime opens the model.
type SessionSettings struct {
	IntraOpThreads int    `json:"intra_op_threads"`
	InterOpThreads int    `json:"inter_op_threads"`
	ExecutionMode  string `json:"execution_mode"` // "sequential" or "parallel"
	Optimization   string `json:"optimization"`   // "none", "basic", "extended" or "all"
	Spinning       bool   `json:"spinning"`
	Arena          bool   `json:"arena"`
}

// Golden describes the golden vectors; SHA256 is over the files' own hashes, in order.
type Golden struct {
	Rows   int           `json:"rows"`
	SHA256 string        `json:"sha256"`
	Files  []GoldenFile  `json:"files"`
	Groups []GoldenGroup `json:"groups"`
}

// GoldenFile is one tensor of the golden vectors; Kind is "input" or "output".
type GoldenFile struct {
	Tensor string `json:"tensor"`
	Kind   string `json:"kind"`
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// GoldenGroup is the rows Start to Stop and, per output, the tolerance: one value, or one for each index of the last axis.
// That of an int64 output is 0.
type GoldenGroup struct {
	Name      string               `json:"name"`
	Start     int                  `json:"start"`
	Stop      int                  `json:"stop"`
	Tolerance map[string][]float64 `json:"tolerance"`
}

// Parity is the outcome of verification.
type Parity struct {
	Verdict   string         `json:"verdict"`
	Reference string         `json:"reference"`
	Seed      int64          `json:"seed"`
	Rows      map[string]int `json:"rows"`
	Results   []CheckResult  `json:"results"`
}

// CheckResult is one check of one output on one group of cases in one runtime: the worst value seen and what was allowed.
type CheckResult struct {
	Check   string  `json:"check"`
	Runtime string  `json:"runtime"`
	Output  string  `json:"output"`
	Group   string  `json:"group"`
	Worst   float64 `json:"worst"`
	Limit   float64 `json:"limit"`
	Rows    int     `json:"rows"`
	Passed  bool    `json:"passed"`
	Note    string  `json:"note"`
}

// Measurements are all runs on one machine; SourceP50Ms is the source model in its own framework, in the same job.
type Measurements struct {
	Machine     Machine       `json:"machine"`
	Runs        []Measurement `json:"runs"`
	SourceP50Ms *float64      `json:"source_p50_ms"`
}

// Machine is where the measurements were taken.
type Machine struct {
	CPU          string   `json:"cpu"`
	Cores        int      `json:"cores"`
	Flags        []string `json:"flags"`
	Platform     string   `json:"platform"`
	Load1m       float64  `json:"load_1m"`
	StealPercent float64  `json:"steal_percent"`
}

// Measurement is what one fresh process of one runtime took: batch 1, one thread, copy in, run, copy out.
type Measurement struct {
	Runtime         string  `json:"runtime"`
	ONNXRuntime     string  `json:"onnxruntime"`
	Calls           int     `json:"calls"`
	LoadMs          float64 `json:"load_ms"`
	FirstCallMs     float64 `json:"first_call_ms"`
	P50Ms           float64 `json:"p50_ms"`
	P90Ms           float64 `json:"p90_ms"`
	P99Ms           float64 `json:"p99_ms"`
	P99UpperMs      float64 `json:"p99_upper_ms"`
	MaxMs           float64 `json:"max_ms"`
	CPUP50Ms        float64 `json:"cpu_p50_ms"`
	CPUMeanMs       float64 `json:"cpu_mean_ms"`
	PeakMemoryBytes int64   `json:"peak_memory_bytes"`
}

// Budget is one budget: its limit, the measured value (nil: it could not be measured) and the verdict with its reason.
type Budget struct {
	Name     string   `json:"name"`
	Limit    float64  `json:"limit"`
	Measured *float64 `json:"measured"`
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason"`
}
