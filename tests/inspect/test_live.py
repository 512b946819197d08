"""The live display: how far a search is, and its best cell against the baselines, on a terminal and off it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cellsearch.inspect.live import LINES, Display
from cellsearch.study.progress import Progress
from cellsearch.testing.strategy import record
from cellsearch.workers import Cluster
from cellsearch_search_spaces.gated import RNN

BASELINES = {"rnn": 3.5, "lstm": 3.0, "gru": 2.5}


def progress(complete: int = 5, best: float | None = 2.75, stage: str = "search", **changes: object) -> Progress:
    values: dict[str, object] = {
        "stage": stage,
        "total": 40,
        "complete": complete,
        "running": 2,
        "pruned": 3,
        "failed": 1,
        "best": None if best is None else record(7, RNN.renamed("cell_7"), score=best),
        "baselines": BASELINES,
        "metric": "bits per character",
        "lower_is_better": True,
        "seconds_left": 95.0,
    }
    return Progress(**(values | changes))  # type: ignore[arg-type]


def on_terminal(*shown: Progress, width: int = 80) -> str:
    """What a terminal gets, as text."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    with Display(console) as display:
        for each in shown:
            display.observe(each)
        assert display.live is not None
        shown_last = display.live.get_renderable()
    with console.capture() as capture:
        console.print(shown_last)
    return capture.get()


def test_a_terminal_shows_what_a_cluster_does() -> None:
    shown = on_terminal(progress(cluster=Cluster(3, 24, 23), per_minute=12.5, lost=2), width=120)
    assert "3 machines, 24 places, 96 % busy, 12.5 trainings a minute, 2 lost to their machines" in shown
    assert "places" not in on_terminal(progress(per_minute=12.5))


def off_terminal(*shown: Progress) -> list[str]:
    """The lines that a file gets."""
    file = io.StringIO()
    with Display(Console(file=file, width=80)) as display:
        for each in shown:
            display.observe(each)
    return file.getvalue().splitlines()


def test_the_terminal_shows_counts_time_left_and_the_best_against_the_baselines() -> None:
    lines = [line.rstrip() for line in on_terminal(progress()).splitlines()]
    assert lines[0].startswith("search ━") and lines[0].endswith("9 of 40 done, 1 min 35 s left")
    assert lines[1] == "2 running, 3 pruned, 1 failed"
    assert [line.split() for line in lines[2:]] == [
        ["bits", "per", "character,", "lower", "is", "better", "score", "best", "-", "it"],
        ["cell_7,", "best", "so", "far", "2.7500"],
        ["lstm", "3.0000", "-0.2500"],
        ["gru", "2.5000", "+0.2500"],
        ["rnn", "3.5000", "-0.7500"],
    ]


@pytest.mark.parametrize("width", [80, 64])
def test_no_line_is_broken_or_cut_in_a_narrow_terminal(width: int) -> None:
    wide = on_terminal(progress(), width=200).splitlines()
    narrow = on_terminal(progress(), width=width).splitlines()
    assert len(narrow) == len(wide) and "…" not in "".join(narrow)
    assert max(map(len, narrow)) <= width


def test_before_the_first_candidate_it_says_so() -> None:
    text = on_terminal(progress(0, None, baselines={}, seconds_left=None))
    assert "no candidate is complete yet" in text and "left" not in text
    text = on_terminal(progress(0, None))
    assert "lstm" in text and "3.0000" in text


def test_the_finals_name_the_best_of_the_search() -> None:
    text = on_terminal(progress(stage="finals", lower_is_better=False))
    assert text.startswith("finals") and "cell_7, best of the search" in text and "higher is better" in text


def test_elsewhere_a_line_says_how_far_it_is_and_the_baselines_stand_in_the_first_alone() -> None:
    assert off_terminal(
        progress(0, None, baselines={}), progress(), progress(complete=20, failed=0, seconds_left=9)
    ) == [
        "search: 4 of 40 done, 1 failed, 1 min 35 s left",
        "to beat: lstm 3.0000, gru 2.5000 bits per character, lower is better",
        "search: 9 of 40 done, 1 failed, 1 min 35 s left; best cell_7 2.7500",
        "search: 23 of 40 done, 9 s left; best cell_7 2.7500",
    ]


def test_elsewhere_every_line_fits_a_terminal() -> None:
    many = {f"seed_{number}": 2.0 + number for number in range(70)} | BASELINES
    large = {"baselines": many, "total": 243, "failed": 12, "seconds_left": 5400}
    stages = [progress(72, stage=stage, pruned=30, **large) for stage in ("search", "finals")]
    task = "comparison on /home/me/tasks/my_task.py:TASK@length=100,batch=20"
    lines = off_terminal(*stages, progress(72, None, stage=task, pruned=0, **large))
    assert len(lines) == 4 and max(map(len, lines)) <= 80, lines
    assert lines[-1] == "comparison on...: 84 of 243 done, 12 failed, 1 h 30 min left; best seed_0 2.0000"


def test_of_many_baselines_the_best_are_shown_and_their_number_is_said_before_they_are_trained() -> None:
    many = {f"seed_{number}": 4.0 - number / 100 for number in range(70)} | BASELINES
    lines = [line.split() for line in on_terminal(progress(baselines=many)).splitlines()]
    assert [line[0] for line in lines[3:]] == [
        "cell_7,",
        "lstm",
        "gru",
        "seed_69",
        "seed_68",
        "seed_67",
        "seed_66",
        "and",
    ]
    assert lines[-1] == ["and", "67", "more"]
    assert off_terminal(progress(0, None, first=73), progress(1, None, first=73))[0] == (
        "73 baselines are trained before the first candidate (fewer with --seeds lstm,gru)"
    )
    assert off_terminal(progress(0, None, first=3))[0] == "3 baselines are trained before the first candidate"


def test_elsewhere_a_stage_prints_a_few_lines_only() -> None:
    done = [progress(complete, pruned=0, failed=0, stage=s) for s in ("search", "finals") for complete in range(41)]
    lines = off_terminal(*[each for each in done for _ in range(3)])
    assert len(lines) == 1 + 2 * (LINES + 1)
    assert lines[-1].startswith("finals: 40 of 40 done")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599.7, "1 h 0 min"), (7322, "2 h 2 min")]
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert f"done, {words} left" in on_terminal(progress(seconds_left=seconds))
