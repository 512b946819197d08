from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cellsearch import plugins
from cellsearch.cell import from_equations
from cellsearch.errors import BudgetError, UnknownNameError
from cellsearch.study.profile import BUDGET, EXERCISES, Exercise, Skill, profile
from cellsearch.training import Budget, load_task
from cellsearch.training.task import task_details

SMALL = (
    Exercise("adding", {"length": "4"}, 10, [Skill("add", 1 / 6, perfect=0.0)]),
    Exercise(
        "parity", {"length": "4"}, 10, [Skill("count", 0.5), Skill("further", 0.5, detail="accuracy at length 8")]
    ),
)

EXPLOSIVE = from_equations("explosive", "h_next = times_constant(linear(x) + h * h, constant=9)", ["h"], "h_next")


def test_a_level_is_0_for_guessing_or_worse_and_1_for_perfect() -> None:
    accuracy, error = Skill("", 0.5), Skill("", guess=0.2, perfect=0.0)
    assert [accuracy.level(each) for each in (0.3, 0.5, 0.75, 1)] == [0, 0, 0.5, 1]
    assert [error.level(each) for each in (0.4, 0.2, 0.05, 0)] == pytest.approx([0, 0, 0.75, 1])


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.task)
def test_every_exercise_is_a_task_with_the_figures_that_its_skills_read(exercise: Exercise) -> None:
    task = load_task(exercise.task, exercise.options)
    task.prepare()
    wanted = {skill.detail for skill in exercise.skills if skill.detail}
    with torch.no_grad():
        assert wanted <= set(task_details(task, task.model(plugins.seed("rnn"), 2).eval()))


@pytest.mark.slow
def test_a_profile_has_every_figure_of_the_cell_and_of_lstm_and_gru() -> None:
    told: list[tuple[int, int]] = []
    found = profile(
        ["rnn", EXPLOSIVE],
        budget=replace(BUDGET, parameters=400),
        exercises=SMALL,
        observe=lambda *each: told.append(each),
    )
    rnn, explosive, lstm, gru = found.portraits
    assert [each.cell.name for each in found.portraits] == ["rnn", "explosive", "lstm", "gru"]
    assert told[-1] == (24, 24)
    assert set(rnn.figures) == {"add", "count", "further"}
    assert all(value is not None for value in (*rnn.figures.values(), *lstm.figures.values(), *gru.figures.values()))
    assert set(lstm.gates) == {"input_gate", "forget_gate", "output_gate"}
    assert rnn.gates == {}
    assert [row["skill"] for row in found.rows() if row["cell"] == "gru"] == ["add", "count", "further"]
    assert rnn.hidden_sizes["adding"] > gru.hidden_sizes["adding"] > lstm.hidden_sizes["adding"]
    assert explosive.figures["add"] is None or explosive.figures["add"] >= 0


def test_a_baseline_that_is_asked_for_is_shown_once() -> None:
    with pytest.raises(BudgetError, match="a budget of 3 parameters is too small for cell 'gru'"):
        profile(["gru"], budget=Budget(3), exercises=SMALL)


def test_unknown_cells_and_tasks_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'grv'"):
        profile(["grv"], exercises=SMALL)
    with pytest.raises(UnknownNameError, match="has no option 'size'"):
        profile(["gru"], exercises=[replace(SMALL[0], options={"size": "4"})])
