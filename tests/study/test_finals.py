"""The finals, trial by trial: each its own rate, then fresh seeds, and nothing that was not asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log2
from pathlib import Path
from typing import Any

import pytest

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.statistics.tuning import RateGrid
from cellsearch.study.finals import Finalist, Finals, best_candidates, final_stage, rungs
from cellsearch.study.forms import forms
from cellsearch.study.ledger import Ledger
from cellsearch.study.record import Record, TuningResult
from cellsearch.testing.strategy import record
from cellsearch.training import Range, Report
from cellsearch_search_spaces.gated import GRU, LSTM

FIRST = 0.01

GRID = RateGrid(FIRST, FIRST / 64, FIRST * 64)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ranges = {
        "learning_rate": Range(FIRST / 64, FIRST * 64, log=True, first=FIRST),
        "weight_decay": Range(1e-5, 1e-1, log=True, first=1e-5),
    }
    with Ledger(tmp_path, {"seed": 2, "steps": 5, "lower_is_better": True}, ranges) as ledger:
        yield ledger


def entrant(cell: Cell, family: str = "", cut: bool = False) -> Finalist:
    return Finalist(final_stage(cell), cell, family or cell.name, cut)


def finals(ledger: Ledger, entrants: Sequence[Finalist], **changes: Any) -> Finals:
    usual: dict[str, Any] = {
        "steps": (5,),
        "kept": 1,
        "grid": GRID,
        "first": {},
        "trials": 0,
        "fresh_seeds": 2,
        "seed": 2,
        "lower_is_better": True,
    }
    return Finals(ledger, entrants, **(usual | changes))


def rate(trial: Record) -> float:
    return trial.hyperparameters["learning_rate"]


def bowl(best: float) -> Callable[[Record], float]:
    """A loss that is least at one rate."""
    return lambda trial: 1 + 0.02 * log2(rate(trial) / best) ** 2


def run(finals: Finals, score: Callable[[Record], float | None]) -> list[Record]:
    """Run trials one by one until there is no next one; a score of None is a failure."""
    begun = []
    while following := finals.next_trial():
        stage, trial = following
        begun.append(trial)
        value = score(trial)
        if value is None:
            finals.ledger.fail(stage, trial.number, "it raised")
        else:
            finals.ledger.report(stage, trial.number, Report(trial.steps, value, 0.1, 8, 100))
            finals.ledger.finish(stage, trial.number)
    return begun


def of_role(ledger: Ledger, cell: Cell, role: str) -> list[Record]:
    return [r for r in ledger.records(final_stage(cell)) if r.role == role]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_each_finalist_is_trained_at_its_own_best_rate(ledger: Ledger, lower_is_better: bool) -> None:
    sign = 1 if lower_is_better else -1
    best = {LSTM: 0.04, GRU: 0.005}
    final = finals(ledger, [entrant(LSTM), entrant(GRU)], lower_is_better=lower_is_better)
    run(final, lambda trial: sign * bowl(best[trial.cell])(trial))
    assert final.next_trial() is None
    for cell in (LSTM, GRU):
        tried, fresh = of_role(ledger, cell, "rate"), of_role(ledger, cell, "fresh")
        assert rate(tried[0]) == FIRST and {r.seed for r in tried} == {2}
        assert [rate(r) for r in fresh] == [best[cell]] * 2
        assert [r.seed for r in fresh] == [1_002_000, 1_002_001]
        assert [r.tuning for r in fresh] == [TuningResult(1.0, len(tried), "")] * 2


def test_rates_of_one_round_are_trained_side_by_side_and_the_next_round_waits(ledger: Ledger) -> None:
    final = finals(ledger, [entrant(LSTM)])
    begun = [final.next_trial() for _ in range(3)]
    assert [rate(each[1]) for each in begun if each] == [0.01, 0.005, 0.02]
    for number, value in enumerate([1.0, 1.1, 1.1]):
        assert final.next_trial() is None
        ledger.report(final_stage(LSTM), number, Report(5, value, 0.1, 8, 100))
        ledger.finish(final_stage(LSTM), number)
    following = final.next_trial()
    assert following is not None and following[1].role == "rate" and rate(following[1]) == pytest.approx(0.01 / 2**0.5)


def test_the_better_form_of_a_family_alone_gets_fresh_seeds(ledger: Ledger) -> None:
    other = forms(LSTM)[1]
    final = finals(ledger, [entrant(LSTM, "lstm"), entrant(other, "lstm"), entrant(GRU)])
    run(final, lambda trial: bowl(FIRST)(trial) - 0.5 * (trial.cell == other))
    assert [len(of_role(ledger, cell, "fresh")) for cell in (LSTM, other, GRU)] == [0, 2, 2]


def test_halving_keeps_the_better_half_at_each_rung_and_no_baseline_is_cut(ledger: Ledger) -> None:
    candidates = [plugins.seed(name) for name in ("mgu", "mut1", "mut2", "mut3")]
    quality = {LSTM: 9.0, **{cell: float(number) for number, cell in enumerate(candidates)}}
    entrants = [entrant(LSTM), *(entrant(cell, cut=True) for cell in candidates)]
    final = finals(ledger, entrants, steps=(10, 20, 40))
    run(final, lambda trial: quality[trial.cell] + bowl(FIRST)(trial))
    rungs = {cell.name: sorted({r.steps for r in of_role(ledger, cell, "rate")}) for cell in (LSTM, *candidates)}
    assert rungs == {"lstm": [40], "mgu": [10, 20, 40], "mut1": [10, 20], "mut2": [10], "mut3": [10]}
    assert [len(of_role(ledger, cell, "fresh")) for cell in (LSTM, *candidates)] == [2, 2, 0, 0, 0]
    assert {r.steps for r in of_role(ledger, candidates[0], "fresh")} == {40}


def test_a_rung_begins_at_the_rate_of_the_one_before(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM, cut=True)], steps=(10, 40)), bowl(FIRST / 8))
    second = [r for r in of_role(ledger, LSTM, "rate") if r.steps == 40]
    assert rate(second[0]) == FIRST / 8 and len(second) == 5


def test_a_rung_that_begins_between_two_octaves_ends_in_fresh_seeds(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM, cut=True)], steps=(10, 40)), bowl(FIRST * 2**0.5))
    second = [r for r in of_role(ledger, LSTM, "rate") if r.steps == 40]
    assert rate(second[0]) == pytest.approx(FIRST * 2**0.5, rel=1e-4) and len(second) == 5
    assert [rate(r) for r in of_role(ledger, LSTM, "fresh")] == [rate(second[0])] * 2


@pytest.mark.parametrize(
    ("search", "final", "expected"),
    [(300, 300, (300,)), (300, 1000, (500, 1000)), (300, 1500, (375, 750, 1500)), (300, 400, (400,))],
)
def test_no_rung_is_as_short_as_the_search_itself(search: int, final: int, expected: tuple[int, ...]) -> None:
    assert rungs(search, final) == expected


def test_other_hyperparameters_are_drawn_at_the_best_rate_and_the_best_draw_is_taken(ledger: Ledger) -> None:
    final = finals(ledger, [entrant(LSTM)], first={"weight_decay": 1e-5}, trials=3)

    def score(trial: Record) -> float:
        return bowl(0.02)(trial) - 0.1 * trial.hyperparameters["weight_decay"]

    run(final, score)
    tried, drawn = of_role(ledger, LSTM, "rate"), of_role(ledger, LSTM, "tuning")
    assert {r.hyperparameters["weight_decay"] for r in tried} == {1e-5}
    assert len(drawn) == 3 and {rate(r) for r in drawn} == {0.02}
    best = min((*tried, *drawn), key=lambda r: r.score or 0.0)
    assert [r.hyperparameters for r in of_role(ledger, LSTM, "fresh")] == [best.hyperparameters] * 2


def test_a_fixed_rate_is_tried_once_to_choose_by(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM)], grid=None), lambda trial: 1.0)
    assert [r.role for r in ledger.records(final_stage(LSTM))] == ["tuning", "fresh", "fresh"]


def test_a_rate_that_fails_is_not_chosen_and_a_finalist_of_which_all_fail_is_not_trained(ledger: Ledger) -> None:
    final = finals(ledger, [entrant(LSTM), entrant(GRU)])
    run(final, lambda trial: None if trial.cell == LSTM or rate(trial) > 0.009 else bowl(FIRST)(trial))
    assert {r.state for r in ledger.records(final_stage(LSTM))} == {"failed"}
    assert of_role(ledger, LSTM, "fresh") == []
    assert [rate(r) for r in of_role(ledger, GRU, "fresh")] == pytest.approx([0.01 / 2**0.5] * 2, rel=1e-4)


def test_a_rate_at_the_bound_is_told_with_the_fresh_seeds(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM)], grid=RateGrid(FIRST, FIRST / 2, FIRST * 2)), bowl(1.0))
    (told,) = {r.tuning.untuned for r in of_role(ledger, LSTM, "fresh") if r.tuning}
    assert told == "its best rate, 0.02, is at the highest that may be tried"


def test_a_fresh_training_that_fails_is_not_repeated_with_luckier_draws(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM)]), lambda trial: bowl(FIRST)(trial) if trial.role == "rate" else None)
    assert [r.state for r in of_role(ledger, LSTM, "fresh")] == ["failed"] * 2


def test_more_fresh_seeds_are_added_at_the_same_rate_and_fewer_change_nothing(ledger: Ledger) -> None:
    run(finals(ledger, [entrant(LSTM)]), bowl(FIRST))
    assert run(finals(ledger, [entrant(LSTM)], fresh_seeds=1), lambda trial: 1.0) == []
    added = run(finals(ledger, [entrant(LSTM)], fresh_seeds=4), lambda trial: 1.0)
    assert [r.seed for r in added] == [1_002_002, 1_002_003]
    assert len({rate(r) for r in of_role(ledger, LSTM, "fresh")}) == 1


def test_the_best_candidates_are_complete_ones_in_order() -> None:
    records = [
        record(0, LSTM, score=0.1, role="baseline"),
        record(1, GRU, score=3.0),
        record(2, GRU, score=1.0),
        record(3, GRU, "pruned", 0.5),
        record(4, GRU, "failed"),
        record(5, GRU, score=2.0),
    ]
    assert [r.number for r in best_candidates(records, True)] == [2, 5, 1]
    assert [r.number for r in best_candidates(records, False)] == [1, 5, 2]
