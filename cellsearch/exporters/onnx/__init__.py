"""ONNX: a module as models that onnxruntime and others run, written operator by operator."""
