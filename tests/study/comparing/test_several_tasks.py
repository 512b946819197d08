"""Several tasks read together: an example by hand, and folders that are what they are taken for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cellsearch.cell import to_json
from cellsearch.errors import StudyError
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.comparing.several_tasks import TASKS, SeveralTasks, begun_with, load_comparison, load_results
from cellsearch.study.study import Study
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.task_lists import three_tasks
from tests.helpers.written_study import writing

BY_HAND = ((30.0, 27.0, 33.0), (10.0, 9.0, 10.0), (0.5, 0.6, 0.4))
"""Ranks of lstm, gru, rnn: 2, 1, 3; with a tie 2.5, 1, 2.5; where higher is better 2, 1, 3."""


def test_ranks_and_relative_differences_are_those_that_are_found_by_hand() -> None:
    found = three_tasks(*BY_HAND).ranking
    assert found is not None and found.tasks == 3
    means = {name: each.mean for name, each in found.ranks.items()}
    assert means == pytest.approx({"lstm": 6.5 / 3, "gru": 1.0, "rnn": 8.5 / 3})
    relative = {name: each.mean for name, each in found.relative.items()}
    assert relative == pytest.approx({"gru": -(0.1 + 0.1 + 0.2) / 3, "rnn": (0.1 + 0.0 + 0.2) / 3})
    assert found.p_value == pytest.approx(1 / 36), "no less than the odds that three tasks rank three cells alike"
    assert found.critical == pytest.approx(2.343 * (12 / 18) ** 0.5, abs=0.001), "Demsar's table 5 has q = 2.343"


def test_the_table_has_a_line_a_cell_with_its_score_on_each_task(tmp_path: Path) -> None:
    three_tasks(*BY_HAND, path=tmp_path).write_tables()
    with (tmp_path / TASKS).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["cell"] for row in rows] == ["lstm", "gru", "rnn"]
    gru = rows[1]
    assert (float(gru["rank_mean"]), float(gru["relative_mean"])) == pytest.approx((1.0, -0.4 / 3))
    scores = [float(gru[f"test {task}"]) for task in ("one", "two", "parity")]
    assert scores == pytest.approx([27.0, 9.0, 0.6]) and gru["tasks"] == "3"
    assert float(gru["relative_low"]) < -0.4 / 3 < float(gru["relative_high"])
    assert rows[0]["p_value"] == rows[0]["relative_mean"] == ""
    assert float(gru["friedman_p_value"]) == pytest.approx(1 / 36)


def test_a_cell_without_a_result_somewhere_has_no_rank_and_without_the_first_there_is_none() -> None:
    found = three_tasks((30.0, 27.0, None), *BY_HAND[1:])
    assert found.ranking is not None and list(found.ranking.ranks) == ["lstm", "gru"]
    assert found.missing("rnn") == ["one"] and found.missing("gru") == []
    assert three_tasks((None, 27.0, 33.0), *BY_HAND[1:]).ranking is None
    assert three_tasks((30.0, None, None), *BY_HAND[1:]).ranking is None


def test_a_folder_without_a_comparison_is_one_clear_error(tmp_path: Path) -> None:
    assert begun_with(tmp_path) is None
    with pytest.raises(StudyError, match="no study in "):
        load_comparison(tmp_path)


def test_a_folder_gives_what_it_holds(tmp_path: Path) -> None:
    with writing(tmp_path / "search") as search:
        search.trial(2.5)
    entrants = [[to_json(LSTM)], [to_json(GRU)]]
    for place in ("alone", "several/one", "several/two"):
        with writing(tmp_path / place, entrants=entrants, options={"place": place}):
            pass
    assert isinstance(load_results(tmp_path / "search"), Study)
    assert isinstance(load_results(tmp_path / "alone"), Comparison)
    several = load_results(tmp_path / "several")
    assert isinstance(several, SeveralTasks) and [cell.name for cell in several.cells] == ["lstm", "gru"]


def test_a_folder_that_holds_nothing_or_a_broken_study_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no study in .*; begin one with: cellsearch search --study"):
        load_results(tmp_path)
    (tmp_path / "study.db").write_text("no database")
    with pytest.raises(StudyError, match=r"study\.db is no readable study"):
        load_results(tmp_path)
