"""ONNX files exported elsewhere: checked here, run as they are by onnxruntime, compiled like any other network."""
