"""Versions: what differs is told, and a machine without cellsearch tells it too."""

from __future__ import annotations

from cellsearch.workers.ray.pool import ray
from cellsearch.workers.ray.versions import differences, teller


def test_what_differs_is_named_with_both_versions() -> None:
    here = teller()()
    assert differences(here, here) == ""
    assert differences({**here, "torch": "1.0"}, here) == f"torch 1.0 there, {here['torch']} here"
    assert differences({}, {"Python": "3.11"}) == "Python None there, 3.11 here"


def test_builds_for_a_card_and_for_none_are_one_version() -> None:
    assert "+" not in teller()()["torch"]


def test_the_code_that_tells_travels_whole() -> None:
    sent = ray.cloudpickle.dumps(teller())
    assert b"find_spec" in sent  # the code itself, and not the name of a module that has it
