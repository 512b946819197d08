"""Dyck-k: every bracket closes the one opened last, and the answer is the one that may close next."""

from __future__ import annotations

import pytest

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_tasks.dyck import TASK, Dyck
from tests.helpers.tasks.oracle import Oracle


def stack(kinds: int, depth: int = 10**6) -> Oracle:
    """Knows the language, and refuses what is not in it."""

    def tops(ids: list[int]) -> list[int]:
        opened, answers = list[int](), []
        for bracket in ids:
            if bracket < kinds:
                opened.append(bracket)
            else:
                assert opened.pop() == bracket - kinds
            assert len(opened) <= depth
            answers.append(opened[-1] if opened else kinds)
        return answers

    return Oracle(kinds + 1, tops)


@pytest.mark.parametrize("options", [{"length": "1"}, {"kinds": "1"}, {"kinds": "5", "depth": "1"}, {}])
def test_it_is_a_task(options: dict[str, str]) -> None:
    check_task("dyck", {"length": "20", "batch": "8", **options})


@pytest.mark.parametrize(("kinds", "depth"), [(1, 1), (2, 6), (5, 3), (8, 50)])
def test_a_stack_is_always_right_and_never_deeper_than_asked(kinds: int, depth: int) -> None:
    assert Dyck(length=60, kinds=kinds, depth=depth).score(stack(kinds, depth), "validation") == 1


def test_a_stack_is_right_on_longer_sequences() -> None:
    assert TASK.details(stack(2)) == {f"accuracy at length {n}": 1.0 for n in (80, 160, 320)}


def test_all_depths_are_reached() -> None:
    ids, _ = next(Dyck(length=200, batch=50, kinds=3, depth=6).batches(0))
    heights = (1 - 2 * (ids >= 3).long()).cumsum(0)
    assert heights.unique().tolist() == list(range(7))


def test_forgetting_all_but_the_last_bracket_is_often_wrong() -> None:
    last = Oracle(3, lambda ids: [bracket if bracket < 2 else 0 for bracket in ids])
    assert 0.5 < TASK.score(last, "test") < 0.85


@pytest.mark.parametrize("options", [{"kinds": 0}, {"depth": 0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="dyck needs kinds and depth of at least 1"):
        Dyck(**options).prepare()
