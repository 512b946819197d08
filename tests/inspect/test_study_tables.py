"""Tables: readable in 80 columns, and no claim beyond what the intervals say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.cell import Cell
from cellsearch.inspect import study_tables as tables
from cellsearch.inspect.cell_tables import catalogue, cell_sheet
from cellsearch.study.record import Record
from cellsearch.study.study import Study
from cellsearch.testing.strategy import record
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from tests.helpers.printed import printed

CANDIDATE = RNN.renamed("cell_17")
TASK = "cellsearch.testing.troubled_task:TASK"


def study(scores: Mapping[Cell, list[float | None]], path: str = "runs/x", task: str = TASK) -> Study:
    """A study whose finalists had these scores with seeds 0, 1, ..., None for a failure."""
    roles = {cell: "candidate" if cell.name.startswith("cell_") else "baseline" for cell in scores}
    records = [record(i, cell, score=100.0 + i, role=roles[cell]) for i, cell in enumerate(scores)]
    finals = {cell: [_fresh(cell, seed, score) for seed, score in enumerate(each)] for cell, each in scores.items()}
    return Study(Path(path), {"task": task, "options": {}}, records, finals)


def _fresh(cell: Cell, seed: int, score: float | None) -> Record:
    if score is None:
        return replace(record(seed, cell, "failed", role="fresh"), reason="timed out after 600 s [/bold]")
    return replace(record(seed, cell, score=score, role="fresh"), seed=seed, test=score + 1, parameters=59_999)


BETTER = study({LSTM: [100.1, 110.2, 120.4], GRU: [101.0, 112.0, 119.0], CANDIDATE: [90.0, 100.2, 110.3]})


def test_the_verdict_has_every_number_whole_in_80_columns() -> None:
    text = printed(tables.verdict_table(BETTER))
    assert text.startswith("squared error, lower is better; mean ± half of the 95 % interval over")
    rows = {line.split()[0]: line for line in text.splitlines() if line[:1] not in ("", " ")}
    first = next(line for line in text.splitlines() if line.startswith("cell_17"))
    for verdict in BETTER.verdicts:
        for value in (verdict.validation, verdict.test, *verdict.differences.values()):
            assert str(value) in text
    assert first.split()[1] == "100.17" and "…" not in text
    assert rows["cell_17"].split()[1:] == ["8", "59,999", "0.01", "3"]


def test_finalists_stand_in_order_of_their_means_whichever_way_is_better() -> None:
    order = [line.split()[0] for line in printed(tables.verdict_table(BETTER)).splitlines() if "±" in line][1:]
    assert order == ["cell_17", "lstm", "gru"]


def test_a_finalist_without_a_result_says_why() -> None:
    text = printed(tables.verdict_table(study({LSTM: [1.0, 2.0], CANDIDATE: [None]})))
    assert "cell_17 has no result: timed out after 600 s [/bold]" in text


def test_a_difference_is_claimed_where_the_interval_excludes_zero_only() -> None:
    assert tables.statement(BETTER) == (
        "cell_17 is better than lstm on test by 10.0667 "
        "(95 % interval -10.2101 to -9.9232 squared error, 3 seeds).\n"
        "cell_17 is better than gru on test by 10.5000 "
        "(95 % interval -14.4978 to -6.5022 squared error, 3 seeds)."
    )
    worse = study({LSTM: [1.0, 1.1, 1.0], CANDIDATE: [2.0, 2.1, 2.01]})
    assert tables.statement(worse).startswith("cell_17 is worse than lstm on test by 1.0033 (95 % interval +0.98")
    unclear = study({LSTM: [1.0, 2.0, 3.0], CANDIDATE: [2.0, 1.0, 3.1]})
    assert tables.statement(unclear).startswith("cell_17 less lstm: +0.0333; no difference is shown (95 % interval -2.")


def test_one_seed_or_no_final_claims_nothing() -> None:
    one = study({LSTM: [1.0], CANDIDATE: [0.5]})
    assert tables.statement(one) == "cell_17 less lstm: -0.5000 squared error with one seed, which has no interval."
    none = replace(one, finals={})
    assert tables.statement(none) == "cell_17 is the best candidate; it has not been compared with LSTM and GRU."


def test_a_higher_metric_turns_better_around(tmp_path: Path) -> None:
    (tmp_path / "up.py").write_text(
        "from cellsearch.testing.troubled_task import Troubled\n"
        "class Up(Troubled):\n    lower_is_better = False\n    metric = 'accuracy'\nTASK = Up()\n"
    )
    scores = {LSTM: [1.0, 1.1, 1.0], CANDIDATE: [2.0, 2.1, 2.01]}
    upward = study(scores, task=f"{tmp_path / 'up.py'}:TASK")
    assert tables.statement(upward).startswith("cell_17 is better than lstm on test by 1.0033")
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
