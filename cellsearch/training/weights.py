"""A trained model's weights as a file that tells how its recurrent module was made: it is built again without the task.

The file is safetensors; its metadata has, as `rnn`, where in the model the module is and with which arguments it was
made. The cell is the study's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN

__all__ = ["trained_rnn", "weights_file"]

RNN_KEY: Final = "rnn"

ARGUMENTS: Final = ("input_size", "hidden_size", "num_layers", "batch_first", "dropout", "bidirectional")


def weights_file(model: nn.Module, weights: Mapping[str, Tensor]) -> bytes:
    """The file of a model's weights; the first recurrent module in it is noted."""
    place = next(((name, each) for name, each in model.named_modules() if isinstance(each, RNN)), None)
    note = (
        {}
        if place is None
        else {RNN_KEY: json.dumps([place[0], {a: getattr(place[1], a) for a in ARGUMENTS}], default=int)}
    )
    return save({name: array.contiguous() for name, array in weights.items()}, note)


def trained_rnn(cell: Cell, path: Path) -> RNN | None:
    """The recurrent module of the model whose weights are in the file; None if it has none."""
    with safe_open(path, "pt") as file:
        note = (file.metadata() or {}).get(RNN_KEY)
        if note is None:
            return None
        place, arguments = json.loads(note)
        start = f"{place}." if place else ""
        arrays = {n.removeprefix(start): file.get_tensor(n) for n in file.keys() if n.startswith(start)}  # noqa: SIM118
    rnn = RNN(cell, **arguments)
    rnn.load_state_dict(arrays)
    return rnn
