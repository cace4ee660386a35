"""A feature specification as ONNX nodes in front of a model; what a node computes is docs/features.md's, in float64."""
