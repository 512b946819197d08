"""The plan of a search counts what the search would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch import Budget, Resources, plan_search
from cellsearch.errors import BudgetError, UnknownNameError


def test_a_plan_counts_trainings_and_steps() -> None:
    plan = plan_search(
        "parity",
        seeds=["lstm", "gru"],
        until="90 candidates",
        budget=Budget(parameters=2000, steps=90),
        resources=Resources(workers=2),
        rungs=(10, 30),
        finalists=1,
        fresh_seeds=5,
        final_steps=90,
    )
    assert (plan.baselines, plan.steps, plan.rungs, plan.candidates, plan.workers) == (2, 90, (10, 30), 90, 2)
    assert plan.candidate_steps == pytest.approx(10 + 20 / 3 + 60 / 9)
    assert plan.search_seconds == pytest.approx((2 * 90 + 90 * plan.candidate_steps) * plan.step_seconds / 2)
    assert plan.final_trainings > 3 * 5
    text = str(plan)
    assert "2 baselines of 90 steps, then 90 candidates until '90 candidates', rungs at 10, 30 steps" in text
    assert all(len(line) < 140 for line in text.splitlines())


def test_an_end_by_time_has_no_number_of_candidates() -> None:
    plan = plan_search("parity", seeds=["lstm"], until="3 minutes", budget=Budget(steps=20), finalists=0)
    assert plan.candidates is None
    assert plan.search_seconds is None
    assert "as many candidates as come until '3 minutes'" in str(plan)
    assert "finals" not in str(plan)


def test_nothing_is_written(tmp_path: Path) -> None:
    plan_search("parity", study=tmp_path / "study", seeds=["lstm"], budget=Budget(steps=20), finalists=0)
    assert not (tmp_path / "study").exists()


def test_the_time_of_several_tasks_is_that_of_all() -> None:
    plan = plan_search(["adding@length=6", "parity@batch=8"], seeds=["lstm"], until="3 candidates", finalists=0)
    assert plan.step_seconds > 0 and plan.steps == 1200 and plan.rungs == (200, 600)


def test_what_a_search_refuses_a_plan_refuses() -> None:
    with pytest.raises(UnknownNameError, match="strategy"):
        plan_search("parity", strategy="luck")
    with pytest.raises(BudgetError, match="rungs must rise"):
        plan_search("parity", rungs=(30, 10))
