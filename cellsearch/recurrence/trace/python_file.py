"""trace_class: a step module that a user's Python file defines is built, and traced."""

from __future__ import annotations

from types import ModuleType
from typing import TypeGuard

import torch
from torch import nn

from cellsearch.errors import TraceError, one_line
from cellsearch.recurrence.trace.trace import Traced, trace

__all__ = ["trace_class"]


def trace_class(source: ModuleType, name: str | None, input_size: int, hidden_size: int) -> Traced:
    """The cell of the class `name` of a loaded Python file, or of its only class that is a nn.Module.

    The class is called with the two sizes. Raises TraceError, which names the class.
    """
    found = _class(source, name)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        try:
            module = found(input_size, hidden_size)
        except Exception as error:  # Whatever the user's code raises.
            raise TraceError(
                f"{source.__file__}: {found.__name__}({input_size}, {hidden_size}) fails: {one_line(error)}; "
                "let its first two arguments be the input size and the hidden size, and the others have defaults"
            ) from error
        return trace(module, input_size, hidden_size)


def _class(source: ModuleType, name: str | None) -> type[nn.Module]:
    defined = {each: value for each, value in vars(source).items() if _is_module(value)}
    own = [each for each, value in defined.items() if value.__module__ == source.__name__]
    if name is None and len(own) == 1:
        return defined[own[0]]
    if name in defined:
        return defined[name]
    if not own:
        raise TraceError(f"{source.__file__}: no class of it is a nn.Module; derive one from nn.Module")
    told = "it has several classes" if name is None else f"it has no {name!r}"
    raise TraceError(f"{source.__file__}: {told}; name one that is a nn.Module: {', '.join(own)}")


def _is_module(value: object) -> TypeGuard[type[nn.Module]]:
    return isinstance(value, type) and issubclass(value, nn.Module)
