"""The file of JAX reads like the equations, is well formed for every cell, and safe for every name."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellsearch as cs
from cellsearch.cell import Cell
from cellsearch.errors import CellError
from cellsearch.exporters.jax.file import source
from cellsearch.exporters.layout import WIDTH
from cellsearch.exporters.names import class_name
from tests.exporters.source.test_file import NAMES
from tests.helpers.exported import CELLS, SEEDS, small


def text_of(cell: Cell) -> str:
    return source(small(cell), "model_jax", "model.safetensors")


def test_a_step_reads_like_its_equations() -> None:
    text = text_of(SEEDS["gru"])
    for line in (
        "U_r: Array  # [H, H]",
        "reset_gate = jax.nn.sigmoid(W_r_x + U_r_h)",
        "h_next = update_gate * h + (1 - update_gate) * candidate",
    ):
        assert f"    {line}\n" in text


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_file_is_formatted(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "model_jax.py").write_text(text_of(cell))
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    assert ruff is not None, "ruff comes with the test extra"
    common = ["--isolated", "--no-cache", "--config", f"line-length={WIDTH}", "--target-version=py311", "."]
    for command in (["format", "--diff"], ["check", "--select=E,F,W,I,N,UP,C4", "--ignore=N806,N812"]):
        result = subprocess.run([ruff, *command, *common], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


def shape_of(name: str) -> str:
    """The program of a file but for its texts and the name of its class."""
    cell = SEEDS["rnn"].renamed(name)
    tree = ast.parse(text_of(cell))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return re.sub(rf"\b{class_name(cell)}(Cell)?\b", r"Plain\1", ast.unparse(tree))


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_out(name: str) -> None:
    assert shape_of(name) == shape_of("Plain")


@settings(max_examples=10, deadline=None)
@given(name=st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_no_text_breaks_out(name: str) -> None:
    assert shape_of(name) == shape_of("Plain")


def test_what_jax_cannot_hold_is_one_clear_line(table_of_operations: None) -> None:
    cs.op(own_turn)
    own = cs.from_equations("own", "h_next = own_turn(linear(x, h))", states=["h"], output="h_next")
    with pytest.raises(CellError, match="operation 'own_turn' has no form in jax: it is written for torch alone"):
        source(small(own), "model_jax", "model.safetensors")


def own_turn(a):  # type: ignore[no-untyped-def]
    return a / (1 + a.abs())
