"""One evaluation: reports spread over its steps, the same for the same seed, and weights that reproduce the score."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from cellsearch.cell import to_json
from cellsearch.errors import CellError, DataError, DivergenceError, UnknownNameError
from cellsearch.recurrence import parameter_count
from cellsearch.training import Budget, Evaluation, Hyperparameters, Report, evaluate, hidden_size_for, load_task
from cellsearch_search_spaces.gated import GRU, LSTM

SMALL = Evaluation(
    task="adding",
    cell=to_json(GRU),
    budget=Budget(500, 20),
    hyperparameters=Hyperparameters(1e-2),
    seed=1,
    options={"length": "6", "batch": "8"},
)


def budgeted(evaluation: Evaluation, **changes: Any) -> Evaluation:
    """The same with another budget."""
    return dataclasses.replace(evaluation, budget=dataclasses.replace(evaluation.budget, **changes))


def optimized(evaluation: Evaluation, **changes: Any) -> Evaluation:
    """The same with other hyperparameters."""
    return dataclasses.replace(evaluation, hyperparameters=dataclasses.replace(evaluation.hyperparameters, **changes))


def test_reports_are_spread_evenly_over_the_steps() -> None:
    reports = list(evaluate(SMALL))
    assert [report.step for report in reports] == [4, 8, 12, 16, 20]
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert all(report.test is None and report.weights is None for report in reports)


@pytest.mark.parametrize(("steps", "expected"), [(1, [1]), (3, [1, 2, 3]), (5, [1, 2, 3, 4, 5]), (7, [2, 3, 5, 6, 7])])
def test_few_steps_give_as_many_reports_as_they_can(steps: int, expected: list[int]) -> None:
    assert [report.step for report in evaluate(budgeted(SMALL, steps=steps))] == expected


def test_the_same_seed_gives_the_same_scores_to_the_bit() -> None:
    assert _scores(SMALL) == _scores(SMALL)


def test_another_seed_another_cell_or_learning_rate_gives_other_scores() -> None:
    changed = [
        SMALL,
        dataclasses.replace(SMALL, seed=2),
        dataclasses.replace(SMALL, cell=to_json(LSTM)),
        optimized(SMALL, learning_rate=2e-2),
    ]
    assert len({tuple(_scores(each)) for each in changed}) == len(changed)


def test_the_state_of_torchs_generator_before_does_not_matter() -> None:
    torch.manual_seed(5)
    first = _scores(SMALL)
    torch.rand(7)
    assert _scores(SMALL) == first


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize(("pause", "step"), [(8, 8), (11, 11), (1, 1)])
def test_a_training_goes_on_from_its_checkpoint_to_the_bit(pause: int, step: int, optimizer: str) -> None:
    whole = optimized(SMALL, optimizer=optimizer, clip=0.5)
    *_, paused = evaluate(dataclasses.replace(whole, pause=pause))
    assert paused.step == step and paused.checkpoint is not None
    torch.rand(3)
    rest = list(evaluate(dataclasses.replace(whole, checkpoint=paused.checkpoint)))
    expected = [each for each in evaluate(whole) if each.step > pause]
    assert [(each.step, each.score) for each in rest] == [(each.step, each.score) for each in expected]
    assert rest[0].seconds > paused.seconds


def test_dropout_and_what_is_carried_between_batches_go_on_too(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 200)
    whole = Evaluation(
        task="chars",
        cell=to_json(LSTM),
        budget=Budget(3_000, 12),
        hyperparameters=Hyperparameters(1e-2, dropout=0.3),
        seed=4,
        options={"data": str(text), "batch": "4", "length": "8"},
    )
    scores = {report.step: report.score for report in evaluate(whole)}
    for pause in (3, 5, 10):
        *_, paused = evaluate(dataclasses.replace(whole, pause=pause))
        *_, twice = evaluate(dataclasses.replace(whole, checkpoint=paused.checkpoint, pause=pause + 1))
        rest = evaluate(dataclasses.replace(whole, checkpoint=twice.checkpoint))
        assert {each.step: each.score for each in rest}.items() <= scores.items()


def test_a_training_that_has_ended_does_not_pause() -> None:
    for pause in (20, 50):
        *_, last = evaluate(dataclasses.replace(SMALL, pause=pause))
        assert (last.step, last.checkpoint) == (20, None)


def test_a_stop_in_the_middle_leaves_nothing_behind() -> None:
    whole = _scores(SMALL)
    stopped = evaluate(SMALL)
    assert next(stopped).score == whole[0]
    stopped.close()  # type: ignore[attr-defined]
    assert _scores(SMALL) == whole


def test_a_final_evaluation_returns_test_and_weights_with_its_last_report_only() -> None:
    *before, last = evaluate(dataclasses.replace(SMALL, final=True))
    assert all(report.test is None and report.weights is None for report in before)
    assert [report.score for report in (*before, last)] == _scores(SMALL)
    assert last.test is not None
    assert last.test != last.score


@pytest.mark.parametrize("task", ["adding", "chars"])
def test_the_weights_reproduce_the_best_score_and_its_test_score(task: str) -> None:
    options = {"batch": "8", "length": "6"}
    evaluation = dataclasses.replace(SMALL, task=task, budget=Budget(15_000, 5), options=options, final=True)
    reports = list(evaluate(evaluation))
    last = reports[-1]
    loaded = load_task(task, options)
    model = loaded.model(GRU, last.hidden_size).eval()
    assert parameter_count(model) == last.parameters
    assert last.weights is not None
    model.load_state_dict(load(last.weights))
    with torch.no_grad():
        assert loaded.score(model, "validation") == min(report.score for report in reports)
        assert loaded.score(model, "test") == last.test


@pytest.mark.slow
@pytest.mark.parametrize(("task", "at_most"), [("adding", 0.05), ("chars", 3.0)])
def test_training_learns(task: str, at_most: float) -> None:
    """A GRU beats the constant answer (1/6) and the frequencies of characters (4.6 bits) by far."""
    default = load_task(task, {})
    *_, last = evaluate(Evaluation(task, to_json(GRU), Budget(), Hyperparameters(default.learning_rate), seed=0))
    assert last.score < at_most


TURNING = """
from dataclasses import dataclass
from cellsearch.testing.troubled_task import Troubled

SCORES = iter(SCORED)

@dataclass(frozen=True)
class Turning(Troubled):
    dropout: float = 0.0
    lower_is_better = LOWER

    def score(self, model, split):
        return next(SCORES) if split == "validation" else float(sum(p.sum() for p in model.parameters()))

    def details(self, model):
        return {"twice": 2 * self.score(model, "test"), "dropout": self.dropout, "training": model.training}

TASK = Turning()
"""


def turning(folder: Path, scores: list[float], lower_is_better: bool = True) -> Evaluation:
    """An evaluation whose validation scores are these, of 10 steps with a report each."""
    (folder / "turning.py").write_text(TURNING.replace("SCORED", str(scores)).replace("LOWER", str(lower_is_better)))
    task = f"{folder / 'turning.py'}:TASK"
    return dataclasses.replace(
        SMALL,
        task=task,
        options={},
        budget=Budget(500, 10, reports=10),
        hyperparameters=Hyperparameters(1e-2, clip=1e9),
        final=True,
    )


def test_a_training_ends_when_validation_has_not_improved_for_its_patience(tmp_path: Path) -> None:
    scores = [5.0, 4.0, 3.0, 3.5, 3.0, 3.2, 3.1, 2.0, 1.0, 0.0]
    reports = list(evaluate(budgeted(turning(tmp_path, scores), patience=0.4)))
    assert [report.score for report in reports] == scores[:7]
    assert reports[-1].test is not None and all(report.test is None for report in reports[:-1])


def test_with_a_patience_of_one_every_training_goes_to_its_end(tmp_path: Path) -> None:
    reports = list(evaluate(budgeted(turning(tmp_path, [1.0] * 10), patience=1)))
    assert len(reports) == 10


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_the_weights_of_the_best_report_are_tested_and_returned(lower_is_better: bool, tmp_path: Path) -> None:
    sign = 1 if lower_is_better else -1
    evaluation = turning(tmp_path, [sign * score for score in (5, 4, 3, 9, 9, 9, 9, 9, 9, 9)], lower_is_better)
    *_, last = evaluate(evaluation)
    assert last.step == 8 and last.weights is not None and last.test is not None
    assert sum(array.sum() for array in load(last.weights).values()) == pytest.approx(last.test)


def test_details_are_read_of_the_best_weights_at_the_end(tmp_path: Path) -> None:
    evaluation = optimized(turning(tmp_path, [3.0, 1.0] + [2.0] * 8), dropout=0.25)
    *before, last = evaluate(evaluation)
    assert last.test is not None
    assert last.details == {"twice": pytest.approx(2 * last.test), "dropout": 0.25, "training": 0.0}
    assert not any(report.details for report in before)


def test_the_hyperparameters_reach_the_training() -> None:
    changed = [
        SMALL,
        optimized(SMALL, weight_decay=0.5),
        optimized(SMALL, clip=0.01, optimizer="sgd"),
        optimized(SMALL, optimizer="sgd"),
        optimized(SMALL, schedule="constant"),
        dataclasses.replace(SMALL, initialisation=5),
    ]
    assert len({tuple(_scores(each)) for each in changed}) == len(changed)


def test_the_seed_orders_the_data_also_where_another_draws_the_model() -> None:
    same = dataclasses.replace(SMALL, initialisation=SMALL.seed)
    assert _scores(same) == _scores(SMALL)
    other_data = dataclasses.replace(SMALL, seed=2, initialisation=SMALL.seed)
    assert _scores(other_data) != _scores(SMALL)


def test_a_task_without_dropout_cannot_be_given_some() -> None:
    with pytest.raises(UnknownNameError, match="task 'adding' has no option 'dropout'"):
        list(evaluate(optimized(SMALL, dropout=0.1)))


def test_a_report_tells_how_fast_the_training_is() -> None:
    *before, last = evaluate(dataclasses.replace(SMALL, final=True))
    assert last.tokens_per_second and last.step_seconds and last.inference_seconds
    assert last.tokens_per_second * last.seconds >= 0.5 * 20 * 6 * 8 > 0
    assert last.inference_seconds < last.step_seconds
    assert all(report.inference_seconds is None for report in before)


def test_divergence_is_raised_with_its_step() -> None:
    with pytest.raises(DivergenceError, match=r"the (loss|validation score) is (nan|inf) (at|after) step \d+"):
        list(evaluate(optimized(SMALL, learning_rate=1e25)))


def test_what_cannot_be_evaluated_is_refused_before_training() -> None:
    for change, error in (
        ({"task": "subtracting"}, UnknownNameError),
        ({"options": {"length": "0"}}, DataError),
        ({"cell": "{}"}, CellError),
    ):
        with pytest.raises(error):
            next(iter(evaluate(dataclasses.replace(SMALL, **change))))  # type: ignore[arg-type]


def test_a_report_says_how_large_the_model_was() -> None:
    report: Report = next(iter(evaluate(SMALL)))
    task = load_task(SMALL.task, SMALL.options)
    assert report.hidden_size == hidden_size_for(task, GRU, 500)
    assert report.parameters == parameter_count(task.model(GRU, report.hidden_size)) <= 500


def _scores(evaluation: Evaluation) -> list[float]:
    return [report.score for report in evaluate(evaluation)]
