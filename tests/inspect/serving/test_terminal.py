"""Watching from a terminal: each change is told once, until the study ends; what is no study is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cellsearch.errors import StudyError
from cellsearch.inspect.live import in_a_line
from cellsearch.inspect.serving import watched
from cellsearch.inspect.serving.terminal import watch
from cellsearch_search_spaces.gated import RNN
from tests.helpers.written_study import writing


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in the folder", "in a database elsewhere"])
def test_each_change_is_told_once_until_nothing_is_open(
    elsewhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "SHARE", 1e6)
    monkeypatch.setattr(watched, "QUIET", 0.0)
    told: list[str] = []
    storage = f"sqlite:///{tmp_path / 'elsewhere.db'}" if elsewhere else ""
    with writing(tmp_path / "study", storage) as search:
        running = search.begin(RNN)
        steps: list[Callable[[], object]] = [lambda: None, lambda: search.end(running, 2.5), lambda: None]
        watch(tmp_path / "study", lambda progress: told.append(in_a_line(progress)), lambda _: steps.pop(0)())
    assert told == ["search: 2 done", "search: 3 done; best rnn 2.5000"]


def test_what_reading_costs_is_waited_for_before_the_next(tmp_path: Path) -> None:
    with writing(tmp_path) as search:
        seen = watched.Watched(tmp_path)
        seen.look()
        search.trial(2.5)
        seen.look()
        assert seen.version == 1 and not seen.ended, "the first reading took more than a hundredth of the time since"


def test_a_comparison_is_watched_too(tmp_path: Path) -> None:
    from cellsearch.inspect.serving.standing import is_open, progress_of
    from tests.helpers.comparisons import FIRST, SECOND, comparison

    found = comparison(FIRST, SECOND)
    assert in_a_line(progress_of(found)) == "comparison: 12 done; best lstm 1.0000" and not is_open(found)


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_without_a_study_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no study in .*; begin one with: cellsearch search --study"):
        watch(tmp_path / name, print)
