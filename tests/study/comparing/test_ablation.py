"""Ablation: the parts of a cell are judged by the verdict's rules, and the simplest cell can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from cellsearch.cell import identity, to_json
from cellsearch.errors import StudyError
from cellsearch.inspect.ablation_tables import ablation_statement, ablation_table
from cellsearch.space.simplification import plainness, simpler
from cellsearch.study.comparing.ablation import Ablation, ablate, load_ablation, loss, parts, shown_worse
from cellsearch.study.comparing.comparison import Comparison
from cellsearch.study.references import find_cell
from cellsearch.study.study import Study, load_study
from cellsearch_search_spaces.gated import LSTM
from tests.helpers.comparisons import FIRST, fresh
from tests.helpers.small_search import ALONE, TROUBLED, small_search

LESS = [each.cell for each in simpler(LSTM)]


def ablation(*others: Sequence[float | None], higher: bool = False) -> Ablation:
    """Of the LSTM with given test scores, and of its first simpler cells."""
    cells = [LSTM, *LESS[: len(others)]]
    settings = {**TROUBLED, "lower_is_better": not higher, "entrants": [[to_json(cell)] for cell in cells]}
    forms = [{cell: fresh(cell, each)} for cell, each in zip(cells, [FIRST, *others], strict=True)]
    return Ablation(Comparison(Path("runs/x"), settings | {"final_steps": 5, "parameters": 200}, forms), [])


def moved(by: float) -> list[float]:
    """Scores that are so much higher with each seed, about."""
    return [score + by + 0.01 * place for place, score in enumerate(FIRST)]


def printed(found: Ablation) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(ablation_table(found))
    return capture.get()


def test_the_simplest_is_the_plainest_that_is_not_shown_to_be_worse() -> None:
    found = ablation(moved(3.0), [10.5, 19.6, 30.3, 39.8, 50.4], moved(2.0))
    assert [shown_worse(found, each) for each in found.comparison.entrants[1:]] == [True, False, True]
    assert found.simplest.cell == LESS[1]
    assert plainness(found.simplest.cell) < plainness(LSTM)
    assert f"The simplest: lstm, {LESS[1].name}" in ablation_statement(found)


def test_a_cell_whose_parts_all_matter_is_its_own_simplest() -> None:
    found = ablation(moved(3.0), moved(2.0))
    assert found.simplest is found.whole
    assert ablation_statement(found).startswith("2 of 2 cells with a part less are shown to be worse than lstm")


@pytest.mark.parametrize(("higher", "sign"), [(False, 1), (True, -1)])
def test_a_loss_is_above_zero_where_the_cell_is_worse(higher: bool, sign: int) -> None:
    found = loss(case := ablation(moved(3.0), higher=higher), case.comparison.entrants[1])
    assert found is not None and found.low is not None and found.high is not None
    assert found.mean == pytest.approx(3.02 * sign)
    assert found.low < found.mean < found.high


def test_the_table_has_the_largest_loss_first_and_says_what_failed() -> None:
    text = printed(ablation(moved(2.0), moved(3.0), [None] * 5))
    assert text.index(LESS[1].name) < text.index(LESS[0].name)
    assert f"{LESS[2].name} has no result: it raised" in text


def test_few_seeds_show_nothing_and_offer_no_simplest() -> None:
    found = ablation([score + 3.0 for score in FIRST[:2]])
    assert "Fewer than 5 seeds show nothing" in ablation_statement(found)
    assert found.simplest is found.whole


def test_dead_weight_is_taken_out_before_anything_is_trained() -> None:
    from tests.space.test_simplification import ONE

    found = parts(ONE)
    assert found.dead == ["states memory and other have the same next value, so that they are one"]
    assert found.lesser[0].name == "without dead weight" and len(found.lesser[0].states) == 2
    assert all(len(each.states) <= 2 for each in found.lesser)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("searched")
    return small_search(
        path,
        seeds=["rnn"],
        until="1 candidates",
        finalists=1,
        rungs=(),
        hyperparameters={"learning_rate": 0.01},
    )


def test_a_cell_is_trained_beside_its_simpler_ones_as_finals_are(searched: Study) -> None:
    assert load_ablation(searched) is None
    with pytest.raises(StudyError, match=r"has no simplest cell yet; `cellsearch ablate .*:best` looks for it"):
        find_cell(f"{searched.path}:simplest")
    found = ablate(searched, resources=ALONE, fresh_seeds=2)
    settings = found.comparison.settings
    assert (settings["parameters"], settings["final_steps"], settings["tuning"]) == tuple(
        searched.settings[name] for name in ("parameters", "final_steps", "tuning")
    )
    assert [cell.name for cell in found.comparison.cells] == [
        searched.best.cell.name,
        *(cell.name for cell in parts(searched.best.cell).lesser),
    ]
    assert all(len(each.tests) == 2 for each in found.comparison.entrants)
    assert identity(find_cell(f"{searched.path}:simplest")) == identity(found.simplest.cell)
    again = load_ablation(load_study(searched.path))
    assert again is not None and [e.tests for e in again.comparison.entrants] == [
        e.tests for e in found.comparison.entrants
    ]
