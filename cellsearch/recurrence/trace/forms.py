"""The forms in which a step takes its states: as its own source unpacks them, or as it returns them when it has none.

A form is a tree as torch.utils._pytree knows it: tuples, lists and dictionaries with a tensor at each leaf.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

__all__ = ["Form", "forms_in_source", "forward_tree", "state_by_default", "tuple_form"]

BEGINNINGS: Final = ("init_state", "initial_state", "init_hidden", "zero_state", "get_initial_state")
"""Methods by which modules give the states of a first step, from the number of sequences."""

Form = Any
"""A tree with a leaf, `...`, for each tensor."""


def tuple_form(count: int) -> Form:
    """A tuple of so many tensors."""
    return (...,) * count


def state_by_default(module: nn.Module, x: Tensor, constants: Mapping[str, object]) -> tuple[Form, list[int]] | None:
    """The form and the widths of the state that a module makes where it is given none; None if it does not."""
    for attempt in _attempts(module, x, constants):
        with contextlib.suppress(Exception), torch.no_grad():  # whatever the user's code raises
            state = attempt()
            module(x, state, **constants)
            leaves, spec = pytree.tree_flatten(state)
            if leaves and all(isinstance(leaf, Tensor) and leaf.shape[:-1] == x.shape[:-1] for leaf in leaves):
                return pytree.tree_unflatten([...] * len(leaves), spec), [leaf.shape[-1] for leaf in leaves]
    return None


def _attempts(module: nn.Module, x: Tensor, constants: Mapping[str, object]) -> Iterator[Callable[[], Any]]:
    """Ways to a state: the second of two results, all results, a method of a usual name."""
    yield lambda: _second(module(x, **constants))
    yield lambda: module(x, **constants)
    for name in BEGINNINGS:
        if callable(beginning := getattr(module, name, None)):
            yield partial(beginning, len(x))


def _second(result: Any) -> Any:
    output, state = result
    assert isinstance(output, Tensor)
    return state


@dataclass
class _Tree:
    """What the source reads of a value, by place or key."""

    parts: dict[object, _Tree] = field(default_factory=dict)

    def at(self, key: object) -> _Tree:
        return self.parts.setdefault(key, _Tree())

    def form(self) -> Form:
        if not self.parts:
            return ...
        if all(isinstance(key, int) for key in self.parts):
            most = max(int(key) for key in self.parts if isinstance(key, int))
            return tuple(self.parts[i].form() if i in self.parts else ... for i in range(most + 1))
        return {key: part.form() for key, part in self.parts.items()}


def forward_tree(module: nn.Module) -> Iterator[ast.AST]:
    """All of the syntax tree of `forward`; nothing where its source is not known."""
    try:
        yield from ast.walk(ast.parse(textwrap.dedent(inspect.getsource(type(module).forward))))
    except (OSError, SyntaxError, TypeError):
        return


def forms_in_source(module: nn.Module, argument: str) -> Iterator[Form]:
    """The form that `forward` unpacks an argument to, by `(h, c), n = state` or `state[0]`: a tuple, a list."""
    root = _Tree()
    known = {argument: root}

    def value(node: ast.expr) -> _Tree | None:
        match node:
            case ast.Name(name):
                return known.get(name)
            case ast.Subscript(inner, ast.Constant(key)) if isinstance(key, int | str):
                of = value(inner)
                return None if of is None or (isinstance(key, int) and key < 0) else of.at(key)
        return None

    def unpack(target: ast.expr, of: _Tree) -> None:
        match target:
            case ast.Name(name):
                known[name] = of
            case ast.Tuple(targets) | ast.List(targets):
                for place, each in enumerate(targets):
                    unpack(each, of.at(place))

    for node in forward_tree(module):
        match node:
            case ast.Assign([target], assigned) if (of := value(assigned)) is not None:
                unpack(target, of)
            case ast.Subscript():
                value(node)
    if root.parts:
        yield root.form()
        if isinstance(root.form(), tuple):
            yield list(root.form())
