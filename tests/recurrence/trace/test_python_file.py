"""A class of a user's file is found by name, built with the two sizes, and traced."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn

from cellsearch.cell import identity
from cellsearch.errors import TraceError
from cellsearch.recurrence.trace.python_file import trace_class
from cellsearch.recurrence.trace.trace import trace


def test_the_only_class_of_a_file_needs_no_name() -> None:
    traced = trace_class(_file(Mine=_class("Mine")), None, 3, 5)
    assert identity(traced.cell) == identity(trace(nn.GRUCell(3, 5)).cell)
    assert (traced.rnn.input_size, traced.rnn.hidden_size) == (3, 5)


def test_an_imported_class_counts_only_by_its_name() -> None:
    file = _file(Mine=_class("Mine"), RNNCell=nn.RNNCell)
    assert trace_class(file, None, 3, 5).cell.name == "mine"
    assert trace_class(file, "RNNCell", 3, 5).cell.name == "rnn_cell"


def test_what_is_drawn_is_the_same_each_time_and_changes_no_other_draw() -> None:
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, second = (list(trace_class(_file(Mine=_class("Mine")), "Mine", 3, 5).rnn.parameters()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("classes", "name", "message"),
    [
        ((), None, "my.py: no class of it is a nn.Module; derive one from nn.Module"),
        (("A", "B"), None, "my.py: it has several classes; name one that is a nn.Module: A, B"),
        (("A", "B"), "C", "my.py: it has no 'C'; name one that is a nn.Module: A, B"),
        (("A", "B"), "nn", "my.py: it has no 'nn'; name one that is a nn.Module: A, B"),
    ],
)
def test_a_class_that_is_not_found_is_refused(classes: tuple[str, ...], name: str | None, message: str) -> None:
    with pytest.raises(TraceError) as raised:
        trace_class(_file(nn=nn, **{each: _class(each) for each in classes}), name, 3, 5)
    assert str(raised.value) == message


def test_a_class_that_cannot_be_built_is_refused() -> None:
    class Three(nn.Module):
        def __init__(self, input_size: int, hidden_size: int, width: int) -> None:
            super().__init__()

    with pytest.raises(TraceError, match=r"^my.py: Three\(3, 5\) fails: TypeError: .*; let its first two arguments"):
        trace_class(_file(Three=Three), "Three", 3, 5)


def _file(**names: object) -> ModuleType:
    """A loaded Python file that defines these."""
    module = ModuleType("my_file")
    module.__file__ = "my.py"
    vars(module).update(names)
    return module


def _class(name: str) -> type[nn.Module]:
    return type(name, (_Step,), {"__module__": "my_file"})


class _Step(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.cell(x, h)
        return h, h
