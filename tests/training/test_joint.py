"""Several tasks as one: trained in turn, scored by the mean of their losses, stopped and gone on with anywhere."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from cellsearch import plugins
from cellsearch.cell import to_json
from cellsearch.errors import TaskError, UnknownNameError
from cellsearch.study.conditions import conditions_on
from cellsearch.testing.task import check_task
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate, joint, named_tasks, references
from cellsearch.training.joint import JOINT, LEAST, Joint

TEXTS = ["adding@batch=8,length=6", "parity@batch=8"]

NAMED = joint(TEXTS, {})

TASK: Joint = NAMED.task  # type: ignore[assignment]

BUDGET = Budget(steps=16, reports=2).of(TASK)

TRAINING = Evaluation(
    NAMED.reference, to_json(plugins.seed("gru")), BUDGET, Hyperparameters(0.5), seed=3, options=NAMED.options
)


def alone(number: int, **changes: Any) -> Evaluation:
    """The training on one of the tasks as it is by itself."""
    named = named_tasks(TEXTS, {})[number]
    rates = Hyperparameters(0.5 * named.task.learning_rate)
    part = dataclasses.replace(TRAINING, task=named.reference, options=named.options, hyperparameters=rates, **changes)
    return dataclasses.replace(part, budget=TASK.budgets(BUDGET)[number])


def test_it_keeps_what_a_task_promises() -> None:
    check_task(JOINT, dict(NAMED.options))


def test_one_task_stays_itself_and_several_share_options_and_budget() -> None:
    assert joint("parity", {}).text == joint(["parity"], {}).text == "parity"
    assert [each.text for each in TASK.named] == TEXTS
    both = joint(["adding", "parity"], {"batch": 8, "length": 6}).task
    assert isinstance(both, Joint) and [each.options["batch"] for each in both.named] == ["8", "8"]
    assert [budget.steps for budget in TASK.budgets(BUDGET)] == [8, 8]
    whole = TASK.budgets(Budget().of(TASK))
    assert [budget.steps for budget in whole] == [task.steps for task in TASK.tasks]
    assert [budget.parameters for budget in whole] == [task.parameters for task in TASK.tasks]
    assert TASK.rungs(16) == [3, 8]


def test_each_task_is_trained_as_it_is_alone_and_its_loss_counts_beside_an_untrained_one() -> None:
    reports = list(evaluate(dataclasses.replace(TRAINING, final=True)))
    first, second = ([*evaluate(alone(number, final=True))] for number in (0, 1))
    assert [report.step for report in reports] == [4, 8, 12, 16]
    assert reports[-1].details == {TEXTS[0]: first[-1].test, TEXTS[1]: second[-1].test}
    assert reports[-1].weights == first[-1].weights and reports[-1].hidden_size == first[-1].hidden_size
    assert reports[-1].parameters == first[-1].parameters + second[-1].parameters
    ended = 2 * reports[1].score
    assert ended == pytest.approx(2 * reports[0].score + math.log(first[-1].score / first[0].score))
    best, before = (1 - max(report.score for report in second[:count]) for count in (2, 1))
    assert 2 * (reports[-1].score - reports[-2].score) == pytest.approx(math.log(best / before))
    assert all(report.test is None and report.weights is None and not report.details for report in reports[:-1])


@pytest.mark.parametrize("pause", [3, 8, 13])
def test_it_goes_on_from_a_pause_as_if_there_had_been_none(pause: int) -> None:
    whole = dataclasses.replace(TRAINING, final=True)
    before = list(evaluate(dataclasses.replace(whole, pause=pause)))
    after = list(evaluate(dataclasses.replace(whole, checkpoint=before[-1].checkpoint)))
    assert before[-1].step == pause and before[-1].checkpoint is not None
    expected = {report.step: report for report in evaluate(whole)}
    found = {report.step: report for report in (*before, *after) if report.step in expected}
    assert {step: report.score for step, report in found.items()} == {s: r.score for s, r in expected.items()}
    last, meant = found[16], expected[16]
    assert (last.weights, last.details, last.test) == (meant.weights, meant.details, meant.test)


def test_a_pause_at_the_end_is_none() -> None:
    assert list(evaluate(dataclasses.replace(TRAINING, pause=16)))[-1].checkpoint is None


def test_a_solved_task_counts_no_more_than_a_hundredfold_smaller_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(TASK.tasks[1]), "score", lambda *_: 1.0)
    reports = list(evaluate(TRAINING))
    assert 2 * (reports[-1].score - reports[1].score) == pytest.approx(math.log(LEAST))


def test_the_files_of_all_its_tasks_travel_with_a_training(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from cellsearch_tasks.parity import Parity\nclass Mine(Parity): ...\nTASK = Mine()\n")
    named = joint(["adding@length=6", f"{file}:TASK"], {})
    conditions = conditions_on(named, space="gated", seed=0, budget=Budget(), hyperparameters={}, trials=0)
    assert list(conditions._texts) == [str(file)]


def test_a_metric_that_cannot_be_related_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from cellsearch_tasks.parity import Parity\n"
        "class Mine(Parity):\n    metric = 'points'\n    def score(self, model, split): return 70.0\nTASK = Mine()\n"
    )
    with pytest.raises(
        TaskError, match=r"its points is 70, which cannot be related .* share of right answers"
    ) as raised:
        joint(["adding@length=6", f"{file}:TASK"], {}).task.prepare()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("texts", [["parity", "parity"], ["parity", "pairty"], []])
def test_tasks_that_are_unknown_or_named_twice_are_refused(texts: list[str]) -> None:
    with pytest.raises(UnknownNameError):
        joint(texts, {})


def test_a_file_of_any_name_is_among_them(tmp_path: Path) -> None:
    folder = tmp_path / "c++, mine"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from cellsearch_tasks.parity import Parity\nclass Mine(Parity): ...\nTASK = Mine()\n"
    )
    texts = [f"{folder / 'mine.py'}:TASK", "adding@length=6"]
    named = joint(texts, {})
    assert [each.text for each in named.task.named] == texts  # type: ignore[attr-defined]
    assert references(named.reference, named.options) == [texts[0], "adding"]
