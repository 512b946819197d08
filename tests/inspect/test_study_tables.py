"""Tables: readable in 80 columns, and no claim beyond what the intervals say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.inspect import study_tables as tables
from cellsearch.inspect.cell_tables import catalogue, cell_sheet
from cellsearch.study.record import Record, TuningResult
from cellsearch.study.study import Study
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from tests.helpers.printed import printed
from tests.helpers.small_search import TROUBLED

CANDIDATE = RNN.renamed("cell_17")


def study(scores: Mapping[Cell, list[float | None]], path: str = "runs/x", **task: object) -> Study:
    """A study whose finalists had these scores with seeds 0, 1, ..., None for a failure."""
    roles = {cell: "candidate" if cell.name.startswith("cell_") else "baseline" for cell in scores}
    records = [record(i, cell, score=100.0 + i, role=roles[cell]) for i, cell in enumerate(scores)]
    finals = {cell: [_fresh(cell, seed, score) for seed, score in enumerate(each)] for cell, each in scores.items()}
    return Study(Path(path), {**TROUBLED, **task, "final_steps": 300, "parameters": 60_000}, records, finals)


def _fresh(cell: Cell, seed: int, score: float | None) -> Record:
    if score is None:
        return replace(record(seed, cell, "failed", role="fresh"), reason="timed out after 600 s [/bold]")
    return replace(record(seed, cell, score=score, role="fresh"), seed=seed, test=score + 1, parameters=59_999)


BETTER = study(
    {
        LSTM: [100.1, 110.2, 120.4, 90.2, 95.0],
        GRU: [101.0, 112.0, 119.0, 91.0, 95.2],
        CANDIDATE: [90.0, 100.2, 110.3, 80.1, 85.0],
    }
)


def test_the_verdict_has_every_number_whole_in_80_columns() -> None:
    text = printed(tables.verdict_table(BETTER))
    assert text.startswith("squared error, lower is better; mean ± half of the 95 % interval over")
    rows = {line.split()[0]: line for line in text.splitlines() if line[:1] not in ("", " ")}
    first = next(line for line in text.splitlines() if line.startswith("cell_17"))
    for verdict in BETTER.verdicts:
        for value in (verdict.validation, verdict.test, *(d.interval for d in verdict.differences.values())):
            assert str(value) in text
    assert first.split()[1] == "93.120" and "…" not in text
    assert rows["cell_17"].split()[1:] == ["8", "59,999", "0.01", "5"]


def test_finalists_stand_in_order_of_their_means_whichever_way_is_better() -> None:
    order = [line.split()[0] for line in printed(tables.verdict_table(BETTER)).splitlines() if "±" in line][1:]
    assert order == ["cell_17", "lstm", "gru"]


def test_a_finalist_without_a_result_says_why() -> None:
    text = printed(tables.verdict_table(study({LSTM: [1.0, 2.0], CANDIDATE: [None]})))
    assert "cell_17 has no result: timed out after 600 s [/bold]" in text


def test_a_difference_is_claimed_where_the_interval_excludes_zero_only() -> None:
    assert tables.statement(BETTER).splitlines()[1] == (
        "cell_17 is better than lstm by 10.06 squared error on test "
        "(99 % interval 9.923 to 10.2, corrected p < 0.001, 5 seeds)."
    )
    worse = study({LSTM: [1.0, 1.1, 1.0, 1.0, 1.1], CANDIDATE: [2.0, 2.1, 2.01, 2.0, 2.1]})
    assert (
        tables.statement(worse)
        .splitlines()[1]
        .startswith("cell_17 is worse than lstm by 1.002 squared error on test (99 % interval")
    )
    unclear = study({LSTM: [1.0, 2.0, 3.0, 1.0, 2.0], CANDIDATE: [2.0, 1.0, 3.1, 1.1, 2.0]})
    assert (
        tables.statement(unclear)
        .splitlines()[1]
        .startswith("no difference between cell_17 and lstm is shown: cell_17 - lstm is +0.04")
    )


def test_every_trial_of_the_finals_has_its_sentence_and_others_say_that_they_have_none() -> None:
    gru = next(record for record in BETTER.records if record.cell == GRU)
    assert tables.statement(BETTER, gru).splitlines()[1].startswith("no difference between gru and lstm is shown")
    other = record(9, CANDIDATE.renamed("cell_3"), score=1.0)
    assert tables.statement(BETTER, other) == "cell_3 has not been compared with LSTM and GRU."


def test_a_seed_of_the_users_own_has_a_column_and_a_sentence() -> None:
    own = RNN.renamed("mine")
    found = study(
        {LSTM: [1.0, 1.1, 1.0, 1.0, 1.1], own: [1.5, 1.6, 1.5, 1.4, 1.5], CANDIDATE: [2.0, 2.1, 2.0, 2.0, 2.1]}
    )
    finals = {**found.finals, own: [replace(each, baseline="mine") for each in found.finals[own]]}
    found = replace(found, finals=finals)
    assert "cell - mine" in printed(tables.verdict_table(found), width=200)
    assert "\ncell_17 is worse than mine by 0.54 " in tables.statement(found)


def test_failures_are_one_line_by_kind(tmp_path: Path) -> None:
    found = study({LSTM: [1.0, None], CANDIDATE: [2.0, None]}, path=str(tmp_path))
    line = "2 of 6 trainings failed: 2 x timed out after 600 s [/bold]"
    assert tables.failure_note(found) == line
    (tmp_path / "failures").mkdir()
    assert tables.failure_note(found) == f"{line} (details in {tmp_path}/failures)"
    assert tables.failure_note(BETTER) == ""


def test_what_was_not_settled_stands_under_the_claims() -> None:
    """Of the winner and the LSTM; another candidate's order is its own row's in the table of the verdict."""
    other = CANDIDATE.renamed("cell_18")
    finals = {
        LSTM: _late(LSTM, [9.0, 8.0, 5.0, 3.0, 2.0]),
        CANDIDATE: _late(CANDIDATE, [9.0, 8.0, 5.0, 3.5, 1.5]),
        other: _late(other, [9.0, 8.0, 5.0, 3.5, 1.6]),
    }
    late = replace(study({cell: [1.0] for cell in finals}), finals=finals)
    assert tables.statement(late).splitlines()[2:] == [
        "not settled: cell_17 - lstm was +0.5 after 400 steps and is -0.5 after 500 steps; "
        "lstm still improved by 33.3%, from 3 after 400 steps to 2 after 500."
    ]


def _late(cell: Cell, scores: list[float]) -> list[Record]:
    """Fresh trainings of 500 steps with a report each 100."""
    by_step = {100 * (i + 1): score for i, score in enumerate(scores)}
    made = _fresh(cell, 0, scores[-1])
    return [replace(made, seed=seed, steps=500, scores=by_step) for seed in range(5)]


def test_nothing_is_claimed_of_a_finalist_that_is_not_tuned_and_the_table_says_so() -> None:
    reason = "its learning rate was fixed"
    records = [replace(each, tuning=TuningResult(1.0, 1, reason)) for each in BETTER.finals[CANDIDATE]]
    untuned = replace(BETTER, finals={**BETTER.finals, CANDIDATE: records})
    assert tables.statement(untuned).count(f"which claims nothing: cell_17 is not tuned, {reason}") == 2
    assert f"cell_17 is not tuned, {reason}" in printed(tables.verdict_table(untuned))


def test_few_seeds_or_no_final_claim_nothing() -> None:
    few = study({LSTM: [1.0, 1.1, 1.0], CANDIDATE: [0.5, 0.61, 0.5]})
    assert "3 seeds are too few to claim a difference" in tables.statement(few)
    one = study({LSTM: [1.0], CANDIDATE: [0.5]})
    assert (
        tables.statement(one)
        .splitlines()[1]
        .startswith("cell_17 - lstm is -0.5 squared error on test with one seed, which shows no")
    )
    none = replace(one, finals={})
    assert tables.statement(none) == "cell_17 is the best candidate; it has not been compared with LSTM and GRU."


def test_a_higher_metric_turns_better_around() -> None:
    scores = {LSTM: [1.0, 1.1, 1.0, 1.0, 1.1], CANDIDATE: [2.0, 2.1, 2.01, 2.0, 2.1]}
    upward = study(scores, metric="accuracy", lower_is_better=False)
    assert tables.statement(upward).splitlines()[1].startswith("cell_17 is better than lstm by 1.002 accuracy on test")
    text = printed(tables.verdict_table(upward))
    assert "accuracy, higher is better" in text
    assert [line.split()[0] for line in text.splitlines() if "±" in line][1:] == ["cell_17", "lstm"]


@pytest.mark.parametrize("cell", SPACE.seeds.values(), ids=lambda cell: cell.name)
def test_a_cell_sheet_has_equations_counts_and_cost(cell: Cell) -> None:
    text = printed(cell_sheet(cell, 32, 64))
    assert text.startswith(cell.name + "\n  ")
    assert "output = h'" in text and "at input size 32, hidden size 64" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_trial_sheet_tells_its_origin_and_its_end() -> None:
    made = replace(record(7, CANDIDATE, score=1.5), parents=(3, 4), edits=("insert a = b[0]", "delete c"))
    text = printed(tables.trial_sheet(made, "squared error"))
    for words in ("7, candidate, complete", "1.5000 squared error at learning rate 0.01", "3, 4", "insert a = b[0]"):
        assert words in text
    assert "it raised" in printed(tables.trial_sheet(record(7, CANDIDATE, "failed"), "squared error"))
    assert "7, candidate, waiting" in printed(tables.trial_sheet(record(7, CANDIDATE, "waiting"), "squared error"))


def test_the_list_of_studies_has_the_best_beside_the_lstm() -> None:
    text = printed(tables.study_list([BETTER, study({LSTM: [1.0]}, "runs/[new]")]))
    assert "runs/x" in text and "cell_17 102.0000" in text and "100.0000" in text
    assert "runs/[new]" in text and " - " in text


def test_a_catalogue_prints_its_words_as_they_are() -> None:
    assert "[bold]name" in printed(catalogue("things", [("[bold]name", "what [it] is")]))
