"""A trained module as a file of JAX with its weights, run on the CPU and held to the reference when it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from cellsearch.exporters.expected import Probe, agree, ordered, probes, rounding
from cellsearch.exporters.jax.file import source
from cellsearch.exporters.loaded import loaded
from cellsearch.exporters.weights import WEIGHTS, as_safetensors
from cellsearch.recurrence import RNN

__all__ = ["FILE", "answer", "check", "opened", "write"]

FILE: Final = "model_jax.py"


def write(rnn: RNN, folder: Path) -> None:
    """Write the file and its weights. Raises CellError if JAX has no form of an operation."""
    (folder / FILE).write_text(source(rnn, Path(FILE).stem, WEIGHTS), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(as_safetensors(rnn))


def check(rnn: RNN, folder: Path) -> None:
    """Run the file's own check, and the module in its precision. Raises ExportError if one disagrees."""
    with opened(folder) as file:
        agree(FILE, file.check(), 1e-9)
        module = file.load()
        for probe in probes(rnn):
            agree(FILE, probe.difference(*_answer(rnn, module, probe)), rounding(rnn))


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """The file as a module, on the CPU, where JAX has float64 meanwhile."""
    import jax

    text = (folder / FILE).read_text(encoding="utf-8")
    with jax.default_device(jax.devices("cpu")[0]), jax.enable_x64(True), loaded(text, folder / FILE) as file:
        yield file


def answer(module: Any, x: Tensor, initial: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What a module of the file gives, as tensors of float64; x and the states go in as they are."""
    import jax.numpy as jnp

    def as_array(values: Tensor) -> Any:
        return jnp.asarray(values.double().numpy()).astype(str(values.dtype).removeprefix("torch."))

    outputs, last = module(as_array(x), tuple(map(as_array, initial)))
    first, *others = (torch.tensor(each.astype(float).tolist(), dtype=torch.float64) for each in (outputs, *last))
    return first, tuple(others)


def _answer(rnn: RNN, module: Any, probe: Probe) -> tuple[Tensor, tuple[Tensor, ...]]:
    dtype = next(rnn.parameters()).dtype
    outputs, last = answer(module, ordered(rnn, probe.x).to(dtype), tuple(state.to(dtype) for state in probe.initial))
    return ordered(rnn, outputs), last
