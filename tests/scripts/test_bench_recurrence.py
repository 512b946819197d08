"""`scripts/bench_recurrence` runs every section, as a table and as JSON, without any package but torch and networkx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cellsearch.recurrence import RNN
from cellsearch_search_spaces import gated, nasbench_nlp
from tests.helpers.cell.recipes import MISSING, SAMPLE
from tests.helpers.project import ROOT, dependencies

SCRIPTS = ROOT / "scripts"
SECTIONS = ("training", "inference", "recipes", "compile", "scan", "memory")


BARE = {"torch", "networkx", "filelock", "numpy"}
"""What a machine has with torch and networkx alone; torch takes filelock, and numpy where it is installed."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a cache of its own, in which no other dependency can be imported."""
    folder = tmp_path_factory.mktemp("bare")
    for package in dependencies() - BARE:
        (folder / f"{package}.py").write_text(f"raise ImportError('{package} is not on a bare machine')")
    cache = tmp_path_factory.mktemp("cache")
    return {**os.environ, "PYTHONPATH": str(folder), "CELLSEARCH_CACHE": str(cache)}


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.is_file(), reason=MISSING)
def test_every_section_has_rows(environment: dict[str, str]) -> None:
    rows, lines = _rows(environment, "--threads", "1", "--only", *SECTIONS)
    assert list(dict.fromkeys(row["section"] for row in rows)) == list(SECTIONS)
    assert {row["row"] for row in rows if row["section"] == "training"} == {"LSTM", "GRU", "RNN"}
    assert len([row for row in rows if row["section"] == "recipes" and row["goal"]]) == 3
    for row in rows:
        assert any(line.startswith(row["section"]) and row["row"] in line for line in lines)


def test_a_row_has_a_ratio_and_a_goal(environment: dict[str, str], tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"
    rows, lines = _rows(environment, "--threads", "1", "--only", "inference", "recipes", "--recipes", str(missing))
    assert [row["row"] for row in rows] == ["LSTM", "GRU", "RNN"]
    assert all(row["ratio"] > 0 and row["peer"] > 0 and row["self"] > 0 for row in rows)
    assert [row["goal"] for row in rows] == [1.0, None, None]
    assert all(0 <= float(row["note"].removeprefix("at the peak ")) < row["ratio"] for row in rows)
    assert [row["met"] for row in rows] == [rows[0]["ratio"] <= 1, None, None]
    assert f"recipes: left out, {missing} is missing" in lines
    assert lines[-1].endswith(" of 1 goals met")


def test_the_interpreter_computes_what_the_cell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    from bench.recipes import Interpreter

    for cell in (gated.LSTM, nasbench_nlp.GRU):
        rnn = RNN(cell, 4, 5, backend="reference", dtype=torch.float64)
        x = torch.randn(3, 2, 4, dtype=torch.float64)
        torch.testing.assert_close(Interpreter(rnn).double()(x)[0], rnn(x)[0])


@pytest.mark.parametrize(
    ("what", "precision", "size", "algorithm"),
    [
        ("LSTM", "float16", (64, 512, 512, 512), "persistent"),
        ("GRU", "float16", (64, 512, 512, 512), "standard"),
        ("LSTM", "bfloat16", (64, 512, 512, 512), "standard"),
        ("LSTM", "float16", (60, 512, 512, 512), "standard"),
        ("GRU", "tf32", (32, 64, 128, 128), "small-H persistent"),
        ("LSTM", "float16", (32, 64, 192, 192), "small-H persistent, backward standard"),
    ],
)
def test_the_algorithm_of_cudnn_is_named(
    what: str, precision: str, size: tuple[int, ...], algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    from bench.gpu import Shape
    from bench.gpu_cudnn import likely_algorithm

    assert likely_algorithm(what, precision, Shape(*size)) == algorithm


def _rows(environment: dict[str, str], *arguments: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a quick run from its JSON, and the lines of its table."""
    command = [sys.executable, str(SCRIPTS / "bench_recurrence"), "--quick", "--json", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["results"], done.stderr.splitlines()
