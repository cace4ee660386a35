"""Tree ensembles: checked when read, scalers folded into their thresholds, lowered to ONNX."""
