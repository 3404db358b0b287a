"""Models of other makers: ONNX files, checkpoints, packages."""
