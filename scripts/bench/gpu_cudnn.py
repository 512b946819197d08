"""cuDNN: the LSTM and GRU as graphs beside torch's own modules, and the algorithm that torch likely asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from torch import nn

from cellsearch.cell import Cell
from cellsearch.recurrence.gpu.source import Kernel, Precision
from cellsearch_search_spaces import gated

from .gpu import Row, Shape, as_called, beside, captured, kernels_of, layer, precision, training_step

__all__ = ["kernels", "likely_algorithm", "rows"]

PAIRS: dict[str, tuple[Cell, Callable[..., nn.Module]]] = {"LSTM": (gated.LSTM, nn.LSTM), "GRU": (gated.GRU, nn.GRU)}
PRECISIONS: tuple[Precision, ...] = ("bfloat16", "tf32", "float16")
SHAPES = [Shape(B, T, H, H) for H in (128, 256, 512, 1024) for T, B in ((64, 32), (64, 64), (64, 128), (512, 64))]
GOALS = {"bfloat16": 1.0, "tf32": 1.0, "float16": 1.5}


def kernels() -> Iterator[Kernel]:
    """What has to be compiled."""
    for what, (cell, _) in PAIRS.items():
        for name in PRECISIONS:
            for shape in SHAPES if name != "float16" or what == "LSTM" else ():
                yield from kernels_of(cell, shape, name)


def rows() -> Iterator[Row]:
    """A training step, as a graph and as called."""
    for name in PRECISIONS:
        dtype = precision(name)
        for what, (cell, peer_type) in PAIRS.items():
            for shape in SHAPES if name != "float16" or what == "LSTM" else ():
                own, x, gradient = layer(cell, shape, dtype)
                peer = peer_type(shape.I, shape.H, device="cuda", dtype=dtype)
                steps = [training_step(module, x, gradient) for module in (own, peer)]
                device = beside(captured(steps[0]), captured(steps[1]))
                called = beside(partial(as_called, steps[0]), partial(as_called, steps[1]), rounds=3)
                fits = bool(kernels_of(cell, shape, name))
                about = {
                    "called": f"{called[0]:.2f} {called[1]:.2f} ms, {called[0] / called[1]:.2f}",
                    "cudnn": likely_algorithm(what, name, shape),
                } | ({} if fits else {"ours": "eager"})
                mine, peers = (1000 * each / shape.T for each in device)
                yield Row(
                    "cudnn", f"{what} {name} B{shape.B} T{shape.T} H{shape.H}", mine, peers, GOALS[name], about=about
                )


def likely_algorithm(what: str, name: Precision, shape: Shape) -> str:
    """What `get_algo` in torch's `aten/src/ATen/native/cudnn/RNN.cpp` chooses for one layer on Ampere and later.

    It needs a card of 98 multiprocessors or more for the persistent one, which is never a GRU.
    """
    fits = shape.H % 128 == 0 and shape.I % 128 == 0 and shape.H <= 1024 and shape.B % 8 == 0 and shape.B <= 128
    large = "persistent" if what == "LSTM" and name == "float16" and fits else "standard"
    forward = "small-H persistent" if shape.H <= 192 else large
    backward = "small-H persistent" if shape.H <= 128 else large
    return forward if forward == backward else f"{forward}, backward {backward}"
