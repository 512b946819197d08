"""References: a seed, a cell file and a study's trial are written the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from cellsearch.cell import save
from cellsearch.errors import CellError, StudyError, UnknownNameError
from cellsearch.study.ledger import Ledger
from cellsearch.study.record import Proposal
from cellsearch.study.references import find_cell, find_cells, find_trial
from cellsearch.training import Report
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.small_search import TROUBLED


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two trials, the second the better one."""
    path = tmp_path_factory.mktemp("runs") / "study"
    settings = {"seed": 0, "steps": 5, **TROUBLED}
    with Ledger(path, settings, {}) as ledger:
        for number, (cell, score) in enumerate([(LSTM, 2.0), (GRU, 1.0)]):
            ledger.queue("search", Proposal(cell), "candidate", seed=0)
            ledger.begin("search")
            ledger.report("search", number, Report(5, score, 0.1, 8, 100))
            ledger.finish("search", number)
    return path


def test_a_name_is_a_seed() -> None:
    assert find_cell("lstm") == LSTM


def test_a_cell_is_its_own_reference_and_one_alone_is_a_list_of_it() -> None:
    assert find_cell(GRU) is GRU
    assert find_cells("gru") == find_cells(GRU) == [GRU]


@pytest.mark.parametrize("given", [3, None, nn.LSTM(1, 1)])
def test_what_is_neither_is_refused_in_one_line(given: Any) -> None:
    with pytest.raises(CellError, match=r"a Cell is expected, got .*; find_cell finds one by name") as raised:
        find_cells([given])
    assert "\n" not in str(raised.value)


def test_a_json_file_is_a_cell_whatever_it_is_called(tmp_path: Path) -> None:
    for name in ("my.json", "my_cell"):
        save(GRU, tmp_path / name)
        assert find_cell(str(tmp_path / name)) == GRU


def test_a_name_is_a_seed_although_a_file_is_called_like_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(GRU, "lstm")
    assert find_cell("lstm") == LSTM
    assert find_cell("./lstm") == GRU


def test_cells_are_given_as_themselves_or_by_reference(study: Path) -> None:
    assert find_cells([GRU, "lstm", f"{study}:best"]) == [GRU, LSTM, GRU]


def test_a_study_and_a_number_or_best_are_a_trial(study: Path) -> None:
    assert find_cell(f"{study}:best") == GRU
    assert find_cell(f"{study}:0") == LSTM
    found = find_trial(f"{study}:1")
    assert found is not None and found[0].path == study and found[1] == "1"


@pytest.mark.parametrize("reference", ["lstm", "my.json", "runs/study", "runs/study:", "runs/study:first", "a:b", ""])
def test_other_references_are_no_trials(reference: str) -> None:
    assert find_trial(reference) is None


@pytest.mark.parametrize("reference", ["lstn", "runs/study:first", "", "."])
def test_what_is_nothing_is_one_clear_error(reference: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown cell '.*'; use a seed such as .*, a .json file, or"):
        find_cell(reference)


def test_a_file_that_is_missing_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CellError, match=r"cell file .*nothing.json: No such file or directory"):
        find_cell(str(tmp_path / "nothing.json"))


def test_a_study_or_trial_that_is_missing_is_one_clear_error(study: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no study in .*; begin one with"):
        find_cell(f"{tmp_path}:best")
    with pytest.raises(StudyError, match="has no trial '7'; use best or a number up to 1"):
        find_cell(f"{study}:7")
