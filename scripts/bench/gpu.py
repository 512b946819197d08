"""GPU: the LSTM and GRU as graphs beside cuDNN's, in every precision, and the algorithm that torch likely asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import nn

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch_search_spaces import gated

from .measuring import Row, Settings, Size, backend_of, beside, random_sequence

__all__ = ["gpu_rows", "likely_algorithm"]

BATCHES, STEPS, HIDDEN = (32, 64, 128), (64, 512), (128, 256, 512, 1024)

PAIRS: dict[str, tuple[Cell, Callable[..., nn.Module]]] = {"LSTM": (gated.LSTM, nn.LSTM), "GRU": (gated.GRU, nn.GRU)}

PRECISIONS = {
    "float32": (torch.float32, False),
    "tf32": (torch.float32, True),
    "bf16": (torch.bfloat16, False),
    "fp16": (torch.float16, False),
}
"""The type of all arrays, and whether products of float32 may round their factors to TF32."""


def gpu_rows(settings: Settings) -> Iterator[Row]:
    """Training steps, then inference; input size as hidden size."""
    torch.set_num_threads(settings.threads[0])
    sizes = settings.sizes(*((B, T, H, H) for H, T, B in product(HIDDEN, STEPS, BATCHES)))
    for phase, what, precision, size in product(("training", "inference"), PAIRS, PRECISIONS, sizes):
        yield _row(phase, what, precision, size, settings)


def _row(phase: str, what: str, precision: str, size: Size, settings: Settings) -> Row:
    dtype, tf32 = PRECISIONS[precision]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    cell, peer_type = PAIRS[what]
    own = RNN(cell, size.I, size.H, device=settings.device, dtype=dtype)
    peer = peer_type(size.I, size.H, device=settings.device, dtype=dtype)
    x, gradient = random_sequence(size, settings.device, dtype)
    figures = beside(peer, own, phase, x, gradient, settings)
    peer_name = "cuDNN" if x.is_cuda else f"nn.{what}"
    note = likely_algorithm(what, precision, size, phase == "training") if x.is_cuda else ""
    return Row("gpu", f"{what} {phase} {precision}", backend_of(own, x), figures, size, None, peer_name, note=note)


def likely_algorithm(what: str, precision: str, size: Size, training: bool) -> str:
    """What `get_algo` in torch's `aten/src/ATen/native/cudnn/RNN.cpp` chooses for one layer on Ampere and later.

    It needs a card of 98 multiprocessors or more for the persistent one, which is never a GRU.
    """
    fits = size.H % 128 == 0 and size.I % 128 == 0 and size.H <= 1024 and size.B % 8 == 0 and size.B <= 128
    large = "persistent" if what == "LSTM" and precision == "fp16" and fits else "standard"
    forward = "small-H persistent" if size.H <= 192 else large
    backward = "small-H persistent" if size.H <= 128 else large
    return forward if forward == backward or not training else f"{forward}, backward {backward}"
