from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from cellsearch import plugins
from cellsearch.cell import from_equations, identity
from cellsearch.errors import BudgetError, StudyError, UnknownNameError
from cellsearch.study.ledger import read_records
from cellsearch.study.profiling.exercises import EXERCISES, Exercise, Skill
from cellsearch.study.profiling.profile import BUDGET, TABLE, profile
from cellsearch.study.progress import Progress
from cellsearch.study.study import load_study
from cellsearch.training import Budget, load_task
from cellsearch.training.task import task_details
from cellsearch.workers import Resources

SMALL = (
    Exercise("adding", {"length": "4"}, 10, [Skill("add", 1 / 6, perfect=0.0)]),
    Exercise(
        "parity", {"length": "4"}, 10, [Skill("count", 0.5), Skill("further", 0.5, detail="accuracy at length 8")]
    ),
)

NOWHERE: Final = Resources(workers=1, timeout=1e-6)
"""Where every training fails."""

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
def test_a_profile_has_every_figure_of_the_cell_and_of_lstm_and_gru_and_goes_on(tmp_path: Path) -> None:
    told: list[Progress] = []
    given: dict[str, Any] = {"study": tmp_path, "budget": replace(BUDGET, parameters=400), "exercises": SMALL}
    found = profile(["rnn", EXPLOSIVE], observe=told.append, **given)
    rnn, explosive, lstm, gru = found.portraits
    assert [each.cell.name for each in found.portraits] == ["rnn", "explosive", "lstm", "gru"]
    assert (told[0].stage, told[0].total, told[0].complete) == ("profile, adding@length=4", 24, 0)
    assert (told[-1].stage, told[-1].complete + told[-1].failed) == ("profile, parity@length=4", 24)
    assert {"rnn", "lstm", "gru"} <= told[-1].baselines.keys() and told[-1].metric == "accuracy"
    assert set(rnn.figures) == {"add", "count", "further"}
    assert all(value is not None for value in (*rnn.figures.values(), *lstm.figures.values(), *gru.figures.values()))
    assert set(lstm.gates) == {"input_gate", "forget_gate", "output_gate"}
    assert rnn.gates == {}
    assert rnn.hidden_sizes["adding"] > gru.hidden_sizes["adding"] > lstm.hidden_sizes["adding"]
    assert explosive.figures["add"] is None or explosive.figures["add"] >= 0
    rows = [line.split(",")[:2] for line in (tmp_path / TABLE).read_text().splitlines()]
    assert rows[0] == ["cell", "skill"]
    assert [skill for cell, skill in rows if cell == "gru"] == ["add", "count", "further"]
    again = profile(["rnn", EXPLOSIVE], resources=NOWHERE, **given)
    assert [again.portraits[place] for place in (0, 2, 3)] == [rnn, lstm, gru], "all is on disk, nothing is trained"


@pytest.mark.slow
def test_a_stopped_profile_keeps_what_it_has_and_the_same_call_goes_on(tmp_path: Path) -> None:
    given: dict[str, Any] = {"study": tmp_path, "budget": replace(BUDGET, parameters=400), "exercises": SMALL}

    def stop(progress: Progress) -> None:
        if progress.stage.startswith("profile, parity"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        profile("rnn", observe=stop, **given)
    rows = (tmp_path / TABLE).read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["rnn", "add"], ["lstm", "add"], ["gru", "add"]]
    trained = read_records(tmp_path / "adding@length=4", f"profile-{identity(plugins.seed('rnn'))}")
    assert [record.state for record in trained] == ["complete"] * 3
    told: list[Progress] = []
    profile("rnn", observe=told.append, **given)
    assert told[0].complete == 9, "the first exercise is done"
    assert (tmp_path / TABLE).read_text().splitlines()[1] == rows[1]
    with pytest.raises(StudyError, match=r"was begun with final_steps 10, now 11; continue with the same"):
        profile("rnn", **given | {"budget": Budget(400, 11, patience=1.0)})
    with pytest.raises(StudyError, match="is a profile's exercise, no search"):
        load_study(tmp_path / "adding@length=4")


def test_a_baseline_that_is_asked_for_is_shown_once(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="a budget of 3 parameters is too small for cell 'gru'"):
        profile(["gru"], study=tmp_path, budget=Budget(3), exercises=SMALL)


def test_unknown_cells_and_tasks_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'grv'"):
        profile(["grv"], study=tmp_path, exercises=SMALL)
    with pytest.raises(UnknownNameError, match="has no option 'size'"):
        profile(["gru"], study=tmp_path, exercises=[replace(SMALL[0], options={"size": "4"})])
    assert not list(tmp_path.iterdir())
