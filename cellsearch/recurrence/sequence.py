"""A whole sequence as one operation of autograd, for every backend that has its own forward and backward pass.

Autograd sees one node instead of one for each operation and step. Derivatives of second order are rare: the reference
computes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from cellsearch.cell import Cell
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.structured import dense, plain

__all__ = ["Given", "Kept", "Needs", "Passes", "arranged", "given_of", "run", "traced"]

Kept = Mapping[str, Tensor]
"""What a forward pass keeps for the backward pass, by the backend's own names."""

Needs = tuple[bool, tuple[bool, ...], Mapping[str, Mapping[str, bool]]]
"""Whether a gradient is wanted: of x, of each state, of the learned arrays by node and parameter."""


class Given(NamedTuple):
    """What both passes start from: a cell with plain linears alone, its learned arrays, x and the initial states."""

    cell: Cell
    parameters: Parameters
    x: Tensor
    states: States


class Passes(Protocol):
    """The two passes of a backend."""

    def forward(self, given: Given, saving: bool) -> tuple[Tensor, States, Kept]:
        """Outputs, last states and, if `saving`, what the backward pass needs beside what is given here."""

    def backward(
        self, given: Given, kept: Kept, needs: Needs, gradients: tuple[Tensor, ...]
    ) -> Iterable[Tensor | None]:
        """From the gradients of the outputs and last states, those of x, the states and the learned arrays in order."""


def run(passes: Passes, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
    """Outputs and last states; nothing is kept for a backward pass that cannot come."""
    cell, parameters = plain(cell), dense(cell, parameters)
    learned = [array for arrays in parameters.values() for array in arrays.values()]
    if torch.is_grad_enabled() and any(each.requires_grad for each in (x, *states, *learned)):
        output, *last = _Sequence.apply(passes, cell, x, *states, *learned)  # type: ignore[no-untyped-call]
        return output, tuple(last)
    output, states, _ = passes.forward(Given(cell, parameters, x, states), saving=False)
    return output, states


def traced(x: Tensor) -> str | None:
    """Why one operation for a whole sequence will not do at this moment; None if it will.

    Autocast sets the precision of each operation, a compiler or a mode of torch wants to see each, and forward
    derivatives, `torch.func` and subclasses of tensors give each a meaning of their own: all need the reference.
    """
    if torch.amp.is_autocast_available(x.device.type) and torch.is_autocast_enabled(x.device.type):
        return "autocast is on, which chooses the precision of each operation"
    if torch.compiler.is_compiling() or torch._C._get_tracing_state():
        return "a compiler or exporter is tracing, which needs plain operations"
    return transformed(x)


def transformed(x: Tensor) -> str | None:
    """What gives each operation on a tensor a meaning of its own, at this moment; None if nothing does."""
    if torch._C._len_torch_dispatch_stack():
        return "a torch dispatch mode is on, which needs plain operations"
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return "torch.func or forward derivatives are at work, which need plain operations"
    if type(x) not in (Tensor, nn.Parameter):
        return f"the input is a {type(x).__name__}, which needs plain operations"
    if not torch._C._has_storage(x):
        return "the input stands for several tensors, which needs plain operations"
    return None


class _Sequence(torch.autograd.Function):
    """passes, cell, x, states, learned arrays -> outputs, last states."""

    @staticmethod
    def forward(ctx: Any, passes: Passes, cell: Cell, *given: Tensor) -> tuple[Tensor, ...]:
        output, last, kept = passes.forward(given_of(cell, given), saving=True)
        ctx.passes, ctx.cell, ctx.given, ctx.kept = passes, cell, len(given), tuple(kept)
        ctx.save_for_backward(*given, *kept.values())
        return output, *last

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # once: a checkpoint gives it no second time
        given, values = saved[: ctx.given], saved[ctx.given :]
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled() or any(map(transformed, gradients)):
            return None, None, *_by_reference(ctx.cell, given, needed, gradients)
        kept = dict(zip(ctx.kept, values, strict=True))
        needs = arranged(ctx.cell, needed)
        return None, None, *ctx.passes.backward(given_of(ctx.cell, given), kept, needs, gradients)


def given_of(cell: Cell, given: tuple[Tensor, ...]) -> Given:
    """x, states and learned arrays in one row, as both passes take them."""
    x, states, parameters = arranged(cell, given)
    return Given(cell, parameters, x, states)


def arranged(cell: Cell, given: Any) -> tuple[Any, Any, dict[str, dict[str, Any]]]:
    """One thing for x, each state and each learned array, as x, states, and learned arrays by node and parameter."""
    x, states, learned = given[0], given[1 : 1 + len(cell.states)], iter(given[1 + len(cell.states) :])
    return x, states, {name: {p: next(learned) for p in names} for name, names in _names(cell)}


@lru_cache(maxsize=1024)
def _names(cell: Cell) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The nodes that learn, each with the names of its arrays."""
    nodes = ((name, node.parameters()) for name, node in cell.nodes.items())
    return tuple((name, names) for name, names in nodes if names)


def _by_reference(
    cell: Cell, given: tuple[Tensor, ...], needed: tuple[bool, ...], gradients: tuple[Tensor, ...]
) -> Iterator[Tensor | None]:
    """The gradients by plain operations: differentiable functions of what is given where that is asked for."""
    asked = torch.is_grad_enabled()
    with torch.enable_grad():
        aliases = [each.view_as(each) for each in given]  # one input may be computed from another; aliases are apart
        x, states, parameters = arranged(cell, aliases)
        output, last = REFERENCE.run(cell, parameters, x, states)
    wanted = [alias for alias, need in zip(aliases, needed, strict=True) if need]
    found = iter(torch.autograd.grad((output, *last), wanted, gradients, create_graph=asked, allow_unused=True))
    return (next(found) if need else None for need in needed)
