"""Runs an exported cell in onnxruntime, where there is no torch: a whole sequence, and step by step.

    cellsearch export gru -o my_gru_onnx --as onnx --input-size 3 --hidden-size 8
    python run_onnx.py my_gru_onnx

The outputs of both are the same.
"""

import sys

import numpy as np
import onnxruntime as ort

if __name__ == "__main__":
    folder = sys.argv[1]
    ort.set_default_logger_severity(3)  # errors alone
    whole, step = (ort.InferenceSession(f"{folder}/{name}.onnx") for name in ("model", "model_step"))
    size = whole.get_inputs()[0].shape[-1]
    x = np.random.default_rng(0).normal(size=(10, 2, size)).astype(np.float32)  # [T, B, I]: any T and B

    outputs = whole.run(None, {"x": x})[0]

    names = [each.name for each in step.get_inputs()][1:]
    shapes = [(each.shape[0], x.shape[1], each.shape[2]) for each in step.get_inputs()[1:]]
    states = [np.zeros(shape, np.float32) for shape in shapes]
    streamed = []
    for row in x:
        output, *states = step.run(None, {"x": row, **dict(zip(names, states, strict=True))})
        streamed.append(output)

    difference = np.abs(outputs - np.stack(streamed)).max()
    print(f"{len(x)} steps of {x.shape[1]} sequences, largest difference of the stream: {difference:.1e}")
    assert difference < 1e-5
