"""The source is pinned for the seeds, well formed for every cell, and safe for every name.

After a change that is meant, `UPDATE_GOLDEN=1 pytest tests/exporters/source/test_file.py` writes the golden files anew:
read their difference as a stranger would read the export.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cellsearch.cell import Cell, Node
from cellsearch.cell.notation.statements import stated
from cellsearch.exporters.layout import WIDTH
from cellsearch.exporters.names import FUNCTIONS, MODULES, TAKEN, class_name, printable, variables
from cellsearch.exporters.source.expressions import tree
from cellsearch.exporters.source.file import source
from cellsearch.recurrence import RNN
from tests.helpers.exported import CELLS, SEEDS

GOLDEN = Path(__file__).parent / "golden"

LONG = Cell(
    "long names and long lines",
    {
        "a" * 64: Node("linear", ("x", *["h" + "h" * 50] * 6, "k" * 60)),
        "b" * 64: Node("scale", ("a" * 64,)),
        "c" * 64: Node("blend", ("b" * 64, "a" * 64, "b" * 64)),
        "d" * 64: Node("layer_norm", ("c" * 64,)),
        "e" * 64: Node("product", ("d" * 64, "c" * 64)),
        "f" * 64: Node("difference", ("e" * 64, "e" * 64)),
        "g" * 64: Node("tanh", ("f" * 64,)),
    },
    {"h" + "h" * 50: "g" * 64, "k" * 60: "f" * 64},
    "g" * 64,
)

NAMES = [
    '"""',
    "'''",
    '""" + __import__("os").system("touch broken") + """',
    "back\\slash\\",
    'ends in a quote"',
    "{brace} ${dollar} $Name %s",
    "日本語 ⊙",
    "17",
    "tensor",
    "nn",
    "f",
    "Exception",
    "None",
    "LSTM",
    " ",
    "a" * 200,
    "expected",
    "EXPECTED",
]


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_source_is_the_golden_one(name: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(source(SEEDS[name], name))
    assert source(SEEDS[name], name) == golden.read_text()


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_source_is_formatted(cell: Cell, tmp_path: Path) -> None:
    for what, trained in (("cell", None), ("trained", RNN(cell, 3, 2))):
        (tmp_path / f"{what}.py").write_text(source(cell, what, trained))
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    assert ruff is not None, "ruff comes with the test extra"
    common = ["--isolated", "--no-cache", "--config", f"line-length={WIDTH}", "--target-version=py311", "."]
    for command in (["format", "--diff"], ["check", "--select=E,F,W,I,N,UP,C4", "--ignore=N806,N812"]):
        result = subprocess.run([ruff, *command, *common], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_out(name: str) -> None:
    plain, named = (source(SEEDS["lstm"].renamed(each), "stem") for each in ("Plain", name))
    named.encode()
    cls = class_name(SEEDS["lstm"].renamed(name))
    assert cls.isidentifier() and cls not in TAKEN
    tree = ast.parse(named)
    assert ast.get_docstring(tree) is not None
    renamed = ast.unparse(_without_texts(tree))
    renamed = re.sub(rf"\b{cls}(Cell)?\b", r"Plain\1", renamed)
    assert renamed == ast.unparse(_without_texts(ast.parse(plain)))


def test_names_kept_for_the_file_are_all_that_it_uses() -> None:
    known = TAKEN | MODULES | FUNCTIONS | {"LSTM", "LSTMCell"}
    tree = ast.parse(source(SEEDS["lstm"], "lstm", RNN(SEEDS["lstm"], 3, 2)))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    local = {node.id for f in functions for node in ast.walk(f) if isinstance(node, ast.Name | ast.Name)
             and isinstance(node.ctx, ast.Store)}  # fmt: skip
    local |= {argument.arg for f in functions for argument in f.args.args}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        f.name for f in tree.body if isinstance(f, ast.FunctionDef)
    }
    assert used - local - known - {"__file__", "__name__", "error"} == set()


def test_what_is_printed_of_a_name_stays_on_its_line() -> None:
    assert printable("lstm") == "lstm"
    assert printable("日本 ⊙") == "日本 ⊙"
    assert printable("a\nb\"c'd\\e\ud800\u202e{f}") == "a?b?c?d?e???f?"
    assert printable("a" * 200) == "a" * 29 + "..."


def test_long_names_break_lines_and_change_nothing() -> None:
    text = source(LONG, "long")
    named = variables(LONG)
    step = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == "step")
    written = {ast.unparse(line) for line in step.body}
    for line in stated(LONG):
        assert f"{named[line]} = {ast.unparse(tree(LONG, line, named))}" in written
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_deep_cell_has_source_that_python_can_read() -> None:
    nodes = {"n0": Node("linear", ("x", "h"))}
    nodes |= {f"n{i}": Node(("one_minus", "bias", "tanh")[i % 3], (f"n{i - 1}",)) for i in range(1, 300)}
    deep = Cell("deep", nodes, {"h": "n299"}, "n299")
    text = source(deep, "deep")
    ast.parse(text)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_wide_cell_has_source_that_fits_the_page() -> None:
    nodes = {"sum": Node("linear", ("x", *["h"] * 60)), "h_next": Node("tanh", ("sum",))}
    text = source(Cell("wide", nodes, {"h": "h_next"}, "h_next"), "wide")
    assert max(map(len, text.splitlines())) <= WIDTH


def _without_texts(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return tree
