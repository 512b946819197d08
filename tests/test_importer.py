"""`cellsearch import` writes a cell file from any notation, and from a user's PyTorch module; else one line and 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch import cli, identity, load
from cellsearch.importer import import_cell
from cellsearch.recurrence.trace.trace import trace
from cellsearch_search_spaces.gated import GRU, RNN

MODULE = """
from torch import nn

print("the file is run")


class Mine(nn.Module):
    def __init__(self, input_size, hidden_size, width=1):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, h):
        h = self.cell(x, h)
        return h, h


class Other(nn.Module):
    def __init__(self, input_size):
        super().__init__()


class Plain:
    pass
"""

GENOTYPES = """
from collections import namedtuple

Genotype = namedtuple("Genotype", "recurrent concat")
open("was_run", "w").close()
A = Genotype([("tanh", 0)], [1])
B = Genotype(recurrent=[("relu", 0)], concat=range(1, 2))
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_module_becomes_a_cell_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text(MODULE)
    assert _run(monkeypatch, "mine.py", "--name", "Mine", "-o", "cell.json") == 0
    assert identity(load("cell.json")) == identity(GRU)
    assert "wrote cell.json: mine, 10 nodes, states h" in capsys.readouterr().out


def test_the_sizes_are_those_that_the_class_is_built_with() -> None:
    Path("mine.py").write_text(
        "from torch import nn\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, i, h):\n"
        "        super().__init__()\n"
        "        assert (i, h) == (3, 5)\n"
        "        self.cell = nn.RNNCell(i, h)\n"
        "    def forward(self, x, h):\n"
        "        return self.cell(x, h)\n"
    )
    cell, notes = import_cell("mine.py", input_size=3, hidden_size=5)
    assert identity(cell) == identity(RNN)
    assert notes == ()


def test_importing_a_module_leaves_the_random_numbers_alone() -> None:
    import torch

    Path("mine.py").write_text(MODULE)
    state = torch.get_rng_state()
    import_cell("mine.py", "Mine")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_file_of_genotypes_is_data_although_it_ends_in_py(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("genotypes.py").write_text(GENOTYPES)
    assert _run(monkeypatch, "genotypes.py", "--name", "B", "-o", "cell.json") == 0
    assert load("cell.json").name == "B"
    assert not Path("was_run").exists()


def test_python_in_a_file_of_another_name_is_never_run() -> None:
    Path("genotypes.txt").write_text(GENOTYPES)
    Path("mine.txt").write_text(MODULE.replace('"the file is run"', "open('was_run', 'w')"))
    assert import_cell("genotypes.txt", "A")[0].name == "A"
    with pytest.raises(Exception, match="it is no cell file"):
        import_cell("mine.txt", "Mine")
    assert not Path("was_run").exists()


def test_an_arc_becomes_a_cell_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("arc.txt").write_text("0 0 1")
    assert _run(monkeypatch, "arc.txt", "--output", "cell.json") == 0
    assert load("cell.json").name == "enas"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.py"], "module 'none.py': no file none.py"),
        (["none.txt"], "file none.txt: No such file or directory"),
        (["mine.py"], "mine.py: it has several classes; name one that is a nn.Module: Mine, Other"),
        (["mine.py", "--name", "Plain"], "mine.py: it has no 'Plain'; name one that is a nn.Module: Mine, Other"),
        (["mine.py", "--name", "Other"], "mine.py: Other(24, 32) fails: TypeError: "),
        (
            ["broken.py"],
            "module 'broken.py': broken.py fails to load: ZeroDivisionError: division by zero (broken.py:1)",
        ),
        (["syntax.py"], "module 'syntax.py': syntax.py fails to load: SyntaxError: "),
        (["empty.py"], "empty.py: no class of it is a nn.Module; derive one from nn.Module"),
        (["drop.py"], "drop.py:6: `return torch.dropout("),
        (["arc.txt"], "file arc.txt: arc 'enas': it has 2 numbers"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(MODULE)
    Path("broken.py").write_text("1 / 0")
    Path("syntax.py").write_text("def")
    Path("empty.py").write_text("from torch import nn\nfrom torch.nn import GRUCell")
    Path("arc.txt").write_text("0 0")
    Path("drop.py").write_text(
        "import torch\n"
        "class Drop(torch.nn.Module):\n"
        "    def __init__(self, i, h):\n"
        "        super().__init__()\n"
        "    def forward(self, x, h):\n"
        "        return torch.dropout(h, 0.5, True)\n"
    )
    assert _run(monkeypatch, *arguments, "-o", "cell.json") == 2
    error = capsys.readouterr().err
    assert error.startswith("cellsearch: ")
    assert message in error
    assert error.count("\n") == 1
    assert not Path("cell.json").exists()


def test_a_place_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("arc.txt").write_text("0 0 1")
    assert _run(monkeypatch, "arc.txt", "-o", "none/cell.json") == 2
    message = "cellsearch: cell file none/cell.json: No such file or directory; nothing was written\n"
    assert capsys.readouterr().err == message


def test_a_traced_and_imported_cell_are_the_same() -> None:
    from torch import nn

    Path("mine.py").write_text(MODULE)
    assert identity(import_cell("mine.py", "Mine")[0]) == identity(trace(nn.GRUCell(3, 5)).cell)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of `cellsearch import`."""
    monkeypatch.setattr("sys.argv", ["cellsearch", "import", *arguments])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    return int(raised.value.code or 0)
