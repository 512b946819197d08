"""Why operations without a rule have none, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["NO_GRADIENT", "REASONS", "REMEDY"]

MIXING: Final = {
    "batch_norm": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "instance_norm": "instance_norm",
}
"""Normalizations over the batch by torch's names, which has another where nothing changes in place."""

REMEDY: Final = "write it with those in cellsearch.cell.OPS, or make it one by @cellsearch.op"

NO_GRADIENT: Final = "wrap_with_set_grad_enabled"
"""What torch.export makes of the lines under torch.no_grad, a graph of its own."""

REASONS: Final[Mapping[str, str]] = {
    "detach": "detach cuts the gradient; a cell is differentiated throughout, so leave it out",
    NO_GRADIENT: "gradients are turned off for it; a cell is differentiated throughout, so leave torch.no_grad out",
    **{
        name: f"{name} compares for equality, which rounding decides; compare with > or <"
        for name in ("eq", "ne", "isclose")
    },
    **{
        name: f"{name} joins conditions; choose by one after the other, with torch.where"
        for name in ("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "__and__", "__or__")
    },
    **{
        name: f"{name} looks for the largest or smallest of all units; a cell has softmax and means over its units"
        for name in ("amax", "amin", "argmax", "argmin", "topk", "sort", "median", "logsumexp", "cummax", "cummin")
    },
    **{
        f"conv{d}d": "a convolution shares weights between places; a cell has full matrices: use nn.Linear"
        for d in (1, 2, 3)
    },
    **{name: f"{name} runs over time; trace the step alone" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    **{name: f"{norm} mixes the sequences of a batch; use nn.LayerNorm" for name, norm in MIXING.items()},
}
"""Why operations without a rule have none."""
