"""The finals, trial by trial: tuning before fresh seeds, the same for each, and nothing more than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.study.finals import Finals, best_candidates, final_stage
from cellsearch.study.ledger import Ledger
from cellsearch.study.record import Record
from cellsearch.testing.strategy import record
from cellsearch.training import Range, Report
from cellsearch_search_spaces.gated import GRU, LSTM

RATE = 0.01


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ranges = {"learning_rate": Range(RATE / 5, RATE * 5, log=True, first=RATE)}
    with Ledger(tmp_path, {"seed": 2, "steps": 5}, True, ranges) as ledger:
        yield ledger


def finals(
    ledger: Ledger, cells: list[Cell], fresh_seeds: int = 2, trials: int = 3, lower_is_better: bool = True
) -> Finals:
    finalists = {final_stage(cell): cell for cell in cells}
    first = {"learning_rate": RATE}
    return Finals(ledger, finalists, first, trials, fresh_seeds, seed=2, lower_is_better=lower_is_better)


def rate(trial: Record) -> float:
    return trial.hyperparameters["learning_rate"]


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
            finals.ledger.report(stage, trial.number, Report(5, value, 0.1, 8, 100))
            finals.ledger.complete(stage, trial.number)
    return begun


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_each_finalist_is_tuned_and_then_trained_at_its_best_rate(ledger: Ledger, lower_is_better: bool) -> None:
    final = finals(ledger, [LSTM, GRU], lower_is_better=lower_is_better)
    begun = run(final, lambda trial: rate(trial) if trial.cell == LSTM else -rate(trial))
    assert len(begun) == final.total == 10
    assert final.next_trial() is None and len(final.records()) == 10
    for cell in (LSTM, GRU):
        trials = ledger.records(final_stage(cell))
        assert [r.role for r in trials] == ["tuning"] * 3 + ["fresh"] * 2
        assert [r.seed for r in trials] == [2, 2, 2, 1_002_000, 1_002_001]
        rates = [rate(r) for r in trials[:3]]
        assert rates == [rate(r) for r in ledger.records(final_stage(LSTM))[:3]], "the same for each"
        assert rates[0] == RATE and len(set(rates)) == 3
        best = min(rates) if (cell == LSTM) == lower_is_better else max(rates)
        assert {rate(r) for r in trials[3:]} == {best}


def test_fresh_trainings_wait_until_all_rates_are_tried(ledger: Ledger) -> None:
    final = finals(ledger, [LSTM])
    stages = [final.next_trial() for _ in range(3)]
    assert [begun[1].role for begun in stages if begun] == ["tuning"] * 3
    assert final.next_trial() is None
    for number in range(3):
        assert final.next_trial() is None
        ledger.report(final_stage(LSTM), number, Report(5, 1.0 + number, 0.1, 8, 100))
        ledger.complete(final_stage(LSTM), number)
    following = final.next_trial()
    assert following is not None and following[1].role == "fresh" and rate(following[1]) == RATE


def test_a_rate_that_fails_is_not_chosen_and_a_finalist_of_which_all_fail_is_not_trained(ledger: Ledger) -> None:
    final = finals(ledger, [LSTM, GRU])
    run(final, lambda trial: None if trial.cell == LSTM or rate(trial) == RATE else 1.0)
    assert [r.state for r in ledger.records(final_stage(LSTM))] == ["failed"] * 3
    fresh = ledger.records(final_stage(GRU))[3:]
    assert len(fresh) == 2 and RATE not in {rate(r) for r in fresh}


def test_a_fresh_training_that_fails_is_not_repeated_with_luckier_draws(ledger: Ledger) -> None:
    run(finals(ledger, [LSTM]), lambda trial: 1.0 if trial.role == "tuning" else None)
    assert [r.state for r in ledger.records(final_stage(LSTM))] == ["complete"] * 3 + ["failed"] * 2


def test_more_fresh_seeds_are_added_at_the_same_rate_and_fewer_change_nothing(ledger: Ledger) -> None:
    run(finals(ledger, [LSTM]), rate)
    assert run(finals(ledger, [LSTM], fresh_seeds=1), lambda trial: 1.0) == []
    added = run(finals(ledger, [LSTM], fresh_seeds=4), lambda trial: 1.0)
    assert [r.seed for r in added] == [1_002_002, 1_002_003]
    assert len({rate(r) for r in ledger.records(final_stage(LSTM))[3:]}) == 1


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
