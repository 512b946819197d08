"""A user's own operation is exported with what it uses, computes the same there, or is refused by its name."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, tanh

import cellsearch as cs
from cellsearch.cell import Cell
from cellsearch.errors import CellError, ExportError
from cellsearch.exporters.source.own_operations import own_operations_source
from cellsearch.exporters.standalone import export
from cellsearch.recurrence import RNN
from cellsearch.recurrence.custom import declare
from tests.helpers.exported import imported

SLOPE, PAIR = 0.3, (1.0, "tanh")


def inner(a: Tensor, power: float = 2.0) -> Tensor:
    return functional.leaky_relu(a, SLOPE) + PAIR[0] * math.pi * a**power


def bent(a: Tensor) -> Tensor:
    """A function that uses a helper, numbers, a renamed module, and a function of torch's."""
    return tanh(inner(a)) - torch.zeros(())


def step(a: Tensor) -> Tensor:
    return torch.sign(a)


def foreign(a: Tensor) -> Tensor:
    return a * float(np.float64(2))


def scan(a: Tensor) -> Tensor:
    return a


@pytest.fixture(autouse=True)
def _operations(table_of_operations: None) -> None:
    cs.op(bent)
    cs.op(derivative=lambda g: g)(step)
    cs.op(foreign)
    cs.op(scan)


def cell_of(op: str) -> Cell:
    return cs.from_equations("own", f"h_next = {op}(linear(x, h))", states=["h"], output="h_next")


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("op", ["bent", "step"])
def test_the_file_computes_what_the_cell_does_without_us(op: str, trained: bool, tmp_path: Path) -> None:
    rnn = RNN(cell_of(op), 3, 4)
    path, *_ = export(rnn if trained else rnn.cell, tmp_path / "own.py")
    assert "cellsearch" not in "".join(line for line in path.read_text().splitlines() if "import" in line)
    assert subprocess.run([sys.executable, "-I", str(path)], capture_output=True).returncode == 0
    if trained:
        x = torch.randn(5, 2, 3)
        torch.testing.assert_close(imported(path).load()(x)[0], rnn(x)[0])


def test_the_source_is_what_the_user_wrote_and_says_whose_derivative_it_has() -> None:
    text = own_operations_source(cell_of("bent"))
    assert text.startswith(
        "from torch import tanh\nimport torch.nn.functional as functional\n\n\nSLOPE = 0.3\nPAIR = (1.0"
    )
    assert '"""A function that uses a helper, numbers, a renamed module, and a function of torch\'s."""' in text
    assert "# Differentiated by autograd here" not in text
    assert own_operations_source(cell_of("step")).startswith("# Differentiated by autograd here; where it was defined")
    assert own_operations_source(cell_of("tanh")) == ""


def test_what_no_file_can_hold_is_refused_in_one_line() -> None:
    nested = cs.from_equations("own", "h_next = tanh(linear(x, h))", states=["h"], output="h_next")
    factor = 2.0

    def closed(a: Tensor) -> Tensor:
        return a * factor

    exec("def of_nowhere(a):\n    return a", space := {})
    cs.op(closed)
    cs.op(space["of_nowhere"])
    declare("elsewhere", 1)
    for op, message in {
        "foreign": "operation 'foreign' uses 'np', which no file that needs torch alone can hold; use torch, Python's",
        "scan": "operation 'scan': an exported file has a 'scan' of its own; give yours another name",
        "closed": "operation 'closed': 'closed' is defined within a function; define it at the top of a file",
        "of_nowhere": "operation 'of_nowhere': its source is nowhere to be found; define it in a file",
    }.items():
        with pytest.raises(ExportError) as refusal:
            own_operations_source(cell_of(op))
        assert str(refusal.value).startswith(message)
    with pytest.raises(CellError, match=r"operation 'elsewhere' is not defined here; import .* --space my_ops\.py"):
        own_operations_source(cell_of("elsewhere"))
    assert own_operations_source(nested) == ""


def test_a_file_that_was_changed_since_is_not_exported_as_if_it_were_the_same(tmp_path: Path) -> None:
    path = tmp_path / "my_ops.py"
    path.write_text("import cellsearch as cs\n\n@cs.op\ndef doubled(a):\n    return 2 * a\n")
    from cellsearch import plugins

    plugins.load_operations(str(path))
    assert "return 2 * a" in own_operations_source(cell_of("doubled"))
    path.write_text(path.read_text().replace("2 * a", "3 * a"))
    with pytest.raises(ExportError, match="operation 'doubled': its source has changed since it was run; run it anew"):
        own_operations_source(cell_of("doubled"))
