"""The table of truth is read as it was written, by cells however they are spelled."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.cell import Cell, from_equations
from cellsearch.errors import DataError
from cellsearch.testing.table import SMALL, Table, load
from cellsearch_search_spaces.small import KNOWN, cell_of

HEADER = (
    "setting,parameters,steps,cell,learning_rate,seed,hidden_size,validation,test,seconds,step_seconds,curve,reason"
)
PLAIN = "h-nothing-all-all-tanh-all-identity"
SCORES = {0.01: "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.6", 0.03: "0.2 0.3 0.4 0.5", 0.09: ""}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("table")
    shutil.copy(SMALL / "table.json", folder)
    rows = [
        f"small,3000,800,{PLAIN},{rate},{seed},40,,{0.5 + seed / 10 if curve else ''},1,0.001,{curve},"
        for rate, curve in SCORES.items()
        for seed in ((0, 2) if rate == 0.01 else (0,))
    ]
    (folder / "trainings.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return load(folder)


def renamed() -> Cell:
    cell = cell_of("mine", KNOWN["plain"])
    names = {name: f"node_{number}" for number, name in enumerate(cell.nodes)}
    nodes = {
        names[name]: replace(node, operands=tuple(names.get(o, o) for o in node.operands))
        for name, node in cell.nodes.items()
    }
    return Cell("mine", nodes, {"h": names[cell.output]}, names[cell.output])


def test_a_training_is_found_by_the_graph_whatever_its_nodes_are_called(table: Table) -> None:
    for cell in (cell_of("mine", KNOWN["plain"]), renamed()):
        training = table.training(cell, 0.01)
        assert training is not None and training.scores == dict(
            zip(table.rungs, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.6), strict=True)
        )
        assert table.training(cell, 0.01, seed=2) in table.trainings(cell)
        assert table.training(cell, 0.01, seed=1) is None is table.training(cell, 0.02)


def test_a_training_that_ended_early_has_the_scores_it_came_to(table: Table) -> None:
    early, diverged = (table.training(renamed(), rate) for rate in (0.03, 0.09))
    assert early is not None and early.scores == {100: 0.2, 200: 0.3, 300: 0.4, 400: 0.5}
    assert diverged is not None and (diverged.scores, diverged.test) == ({}, None)


def test_the_quality_of_a_cell_is_its_mean_test_score_at_the_rate_that_validates_best(table: Table) -> None:
    assert table.quality(renamed()) == pytest.approx((0.5 + 0.7) / 2)


def test_the_committed_table_is_of_the_space(table: Table) -> None:
    kept = load()
    assert len(kept.cells) == 2_330 and set(kept.kept) <= set(kept.cells)
    assert all(training.learning_rate in kept.learning_rates for each in kept.kept.values() for training in each)
    assert sum(path.stat().st_size for path in SMALL.iterdir()) < 5_000_000


def test_a_cell_from_elsewhere_is_told_and_one_that_is_not_trained_yet_has_nothing(table: Table) -> None:
    elsewhere = from_equations("other", "h_next = softmax(linear(x, h))", states=["h"], output="h_next")
    with pytest.raises(DataError, match=f"cell 'other': table {table.path} does not have it; take cells of space"):
        table.trainings(elsewhere)
    assert table.trainings(cell_of("lstm", KNOWN["lstm"])) == ()


def test_a_missing_table_and_one_of_another_version_are_told(table: Table, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"table {tmp_path}: .*; make one with scripts/make_table"):
        load(tmp_path)
    (tmp_path / "table.json").write_text(json.dumps({"schema": "cellsearch.table/0"}), encoding="utf-8")
    with pytest.raises(DataError, match=r"it is not of version cellsearch\.table/1; make it anew"):
        load(tmp_path)
    shutil.copy(SMALL / "table.json", tmp_path)
    with pytest.raises(DataError, match=r"it has no trainings.csv; make it with scripts/make_table"):
        load(tmp_path).trainings(renamed())
