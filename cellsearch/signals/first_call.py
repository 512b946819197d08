"""The first call of a model's recurrent module: the module, and what it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cellsearch.recurrence import RNN

__all__ = ["first_call"]


def first_call(model: nn.Module, run: Callable[[], object]) -> tuple[RNN, Any] | None:
    """The recurrent module that is called first while the model, in evaluation mode, is `run`, and its input."""
    calls: list[tuple[RNN, Any]] = []
    hooks = [
        module.register_forward_pre_hook(lambda rnn, given: calls.append((rnn, given[0])))
        for module in model.modules()
        if isinstance(module, RNN)
    ]
    model.eval()
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return calls[0] if calls else None
