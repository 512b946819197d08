"""Options that make one value: they have the names and defaults of its fields, and reach a command as the value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from cellsearch.cli import commands
from cellsearch.cli.options import budget, made_from, profile_budget, resources
from cellsearch.study.profiling.profile import BUDGET
from cellsearch.training import Budget
from cellsearch.workers import Resources


@pytest.mark.parametrize(
    ("maker", "value"),
    [(budget, Budget()), (profile_budget, BUDGET), (resources, Resources())],
    ids=["budget", "profile_budget", "resources"],
)
def test_options_have_the_names_and_defaults_of_the_fields(maker: Callable[..., Any], value: Any) -> None:
    assert maker() == value
    assert list(inspect.signature(maker).parameters) == [field.name for field in fields(value)]


@pytest.mark.parametrize("command", [commands.search, commands.compare, commands.profile])
def test_search_compare_and_profile_have_them_all(command: Callable[..., None]) -> None:
    options = inspect.signature(command).parameters
    assert {field.name for kind in (Budget, Resources) for field in fields(kind)} <= set(options)
    assert not {"budget", "resources"} & set(options)


def test_a_command_gets_the_value_and_its_options_stand_in_the_values_place() -> None:
    got: dict[str, Any] = {}

    @made_from(budget=budget)
    def train(*, first: int, budget: Budget, last: int = 3) -> None:
        """Train."""
        got.update(first=first, budget=budget, last=last)

    names = list(inspect.signature(train).parameters)
    assert names == ["first", "parameters", "steps", "reports", "patience", "last"] and train.__doc__ == "Train."
    train(first=1, parameters=None, steps=7, reports=2, patience=0.25, last=4)
    assert got == {"first": 1, "budget": Budget(None, 7, 2, 0.25), "last": 4}
