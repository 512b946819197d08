"""What every worker pool must do, as checks that any pool can be put to.

    check_pool(lambda size, timeout: MyPool(size, timeout))

or, for a test each, over POOL_CHECKS with one pool of SIZE and TIMEOUT for all.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from cellsearch.cell import from_equations, to_json
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
from cellsearch.workers import Ended, Event, Failed, Finished, Lost, Refused, Reported, Started, WorkerPool

__all__ = ["POOL_CHECKS", "SIZE", "TIMEOUT", "check_pool", "ended", "outcome", "over", "troubled"]

SIZE: Final = 2
TIMEOUT: Final = 2.0

WAIT_SECONDS: Final = 60.0
"""Seconds in which anything that a check waits for must have come, on a busy machine too."""

QUIET: Final = 0.5
"""Seconds that a check listens for what must not come."""

_CELL: Final = to_json(from_equations("elman", "h_next = tanh(linear(x, h))", states=["h"], output="h_next"))

_jobs = itertools.count()


def check_pool(make_pool: Callable[[int, float], WorkerPool]) -> None:
    """Put one pool, made with a size and a timeout, to every check. Raises AssertionError."""
    with make_pool(SIZE, TIMEOUT) as pool:
        for check in POOL_CHECKS:
            check(pool)


def check_a_job_tells_what_evaluate_yields(pool: WorkerPool) -> None:
    """Started, the same reports as `evaluate` in this process, Finished; a final one with its test and weights."""
    for evaluation in (troubled(seed=3), replace(troubled(seed=4), final=True)):
        job = _submit(pool, evaluation)
        events = over(pool, job)[job]
        reports = [Reported(job, report) for report in evaluate(evaluation)]
        assert _timeless(events) == _timeless([Started(job), *reports, Finished(job)])


def check_jobs_wait_for_their_turn(pool: WorkerPool) -> None:
    """Of more jobs than workers all finish, never more at once than the pool's size."""
    assert pool.size == SIZE
    jobs = [_submit(pool, troubled(seconds=0.02, seed=seed)) for seed in range(3 * SIZE + 1)]
    running: set[int] = set()
    for event in _until_over(pool, *jobs):
        if isinstance(event, Started):
            running.add(event.job)
        assert event.job in running and len(running) <= SIZE, event
        assert not isinstance(event, Failed), event
        if isinstance(event, Finished):
            running.remove(event.job)


def check_jobs_run_side_by_side(pool: WorkerPool) -> None:
    """As many as the pool's size, once its workers have all come up."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        jobs = [_submit(pool, troubled(seconds=0.05)) for _ in range(SIZE)]
        order = [type(event) for event in _until_over(pool, *jobs) if not isinstance(event, Reported)]
        if order == [Started] * SIZE + [Finished] * SIZE:
            return
    raise AssertionError(f"{SIZE} jobs never ran at once within {WAIT_SECONDS:g} s")


def check_an_idle_pool_waits_as_long_as_told(pool: WorkerPool) -> None:
    """With nothing to do `wait` returns nothing, after its timeout."""
    begun = time.monotonic()
    assert list(pool.wait(0.2)) == []
    assert 0.15 < time.monotonic() - begun < 2
    assert list(pool.wait(0)) == []


def check_what_a_job_raises_is_its_reason(pool: WorkerPool) -> None:
    """One line: the type and message of any error, the message alone of our own."""
    assert outcome(pool, troubled(trouble="raise")) == "RuntimeError: two lines"
    assert outcome(pool, troubled(trouble="leave")) == "SystemExit: 4"
    assert outcome(pool, replace(troubled(), task="nowhere")).startswith("unknown task 'nowhere'; use ")
    assert outcome(pool, troubled()) == "finished"


def check_a_screened_cell_is_refused_before_it_is_trained(pool: WorkerPool) -> None:
    """Only a cell that has no chance to learn; any other is trained as ever."""
    deaf = to_json(from_equations("deaf", "h_next = 0 * tanh(linear(x, h))", states=["h"], output="h_next"))
    told = over(pool, job := _submit(pool, replace(troubled(), cell=deaf, screened=True)))[job]
    assert [type(event) for event in told] == [Started, Refused], told
    assert outcome(pool, replace(troubled(), screened=True)) == "finished"


def check_a_failure_has_its_traceback_and_output(pool: WorkerPool) -> None:
    """That of an error which is not our own; and none of the job before."""
    for _ in range(2):
        last = ended(pool, troubled(trouble="print and raise"))
        assert isinstance(last, Failed)
        assert "Traceback" in last.details and "in _print_and_raise" in last.details, last
        assert last.details.count("last words") == 1, last


def check_a_death_fails_its_own_job_alone(pool: WorkerPool) -> None:
    """A killed process loses its job, and one that exits ends it; the pool goes on with as many workers as before."""
    deaths = [_submit(pool, troubled(trouble=trouble)) for trouble in ("die", "exit")]
    others = [_submit(pool, troubled(seed=seed)) for seed in range(2)]
    told = over(pool, *deaths, *others)
    for job in deaths:
        last = told[job][-1]
        assert isinstance(last, Lost | Failed) and last.reason.startswith("its worker process died"), last
    assert isinstance(told[deaths[0]][-1], Lost), "its machine may be at fault"
    for job in others:
        assert isinstance(told[job][-1], Finished), told[job]


def check_a_hanging_job_times_out(pool: WorkerPool) -> None:
    """In Python code and in a C call; the pool's places are free again afterwards."""
    jobs = [_submit(pool, troubled(trouble=trouble)) for trouble in ("hang", "hang in C")]
    told = over(pool, *jobs)
    for job in jobs:
        assert told[job][-1] == Failed(job, f"timed out after {TIMEOUT:g} s", lasting=True)
        assert [type(event) for event in told[job][:-1]] == [Started, Reported]
    check_jobs_run_side_by_side(pool)


def check_a_deadline_counts_from_the_start(pool: WorkerPool) -> None:
    """Jobs that wait for their turn longer than the timeout still finish."""
    jobs = [_submit(pool, troubled(seconds=0.2)) for _ in range(3 * SIZE)]
    assert all(isinstance(events[-1], Finished) for events in over(pool, *jobs).values())


def check_nothing_comes_after_cancel(pool: WorkerPool) -> None:
    """Of a job that is in the middle of its training, and of one that waits for its turn."""
    jobs = [_submit(pool, troubled(seconds=0.1)) for _ in range(2 * SIZE)]
    for event in _stream(pool):
        if isinstance(event, Reported):
            break
    for job in jobs:
        pool.cancel(job)
        pool.cancel(job)
    following = _submit(pool, troubled())
    assert over(pool, following).keys() == {following}
    assert list(pool.wait(QUIET)) == []


def check_a_cancelled_job_that_hangs_gives_its_place_back(pool: WorkerPool) -> None:
    """In Python code and in a C call."""
    jobs = [_submit(pool, troubled(trouble=trouble)) for trouble in ("hang", "hang in C")]
    waiting = set(jobs)
    for event in _stream(pool):
        if isinstance(event, Reported):
            pool.cancel(event.job)
            waiting.discard(event.job)
            if not waiting:
                break
    check_jobs_run_side_by_side(pool)


def check_a_job_that_is_over_is_left_alone(pool: WorkerPool) -> None:
    """To cancel it, or one that never was, changes nothing."""
    job = _submit(pool, troubled())
    over(pool, job)
    pool.cancel(job)
    pool.cancel(next(_jobs))
    assert outcome(pool, troubled()) == "finished"


POOL_CHECKS: Final[tuple[Callable[[WorkerPool], None], ...]] = (
    check_a_job_tells_what_evaluate_yields,
    check_jobs_wait_for_their_turn,
    check_jobs_run_side_by_side,
    check_an_idle_pool_waits_as_long_as_told,
    check_what_a_job_raises_is_its_reason,
    check_a_screened_cell_is_refused_before_it_is_trained,
    check_a_failure_has_its_traceback_and_output,
    check_a_death_fails_its_own_job_alone,
    check_a_hanging_job_times_out,
    check_a_deadline_counts_from_the_start,
    check_nothing_comes_after_cancel,
    check_a_cancelled_job_that_hangs_gives_its_place_back,
    check_a_job_that_is_over_is_left_alone,
)


def troubled(seed: int = 0, task: str = "cellsearch.testing.troubled_task:TASK", **options: object) -> Evaluation:
    """An evaluation of the task that misbehaves as its options say."""
    return Evaluation(
        task, _CELL, Budget(100, 5), Hyperparameters(1e-2), seed, {name: str(value) for name, value in options.items()}
    )


def outcome(pool: WorkerPool, evaluation: Evaluation) -> str:
    """How one job ends: "finished", or the reason of its failure."""
    last = ended(pool, evaluation)
    return "finished" if isinstance(last, Finished) else last.reason


def ended(pool: WorkerPool, evaluation: Evaluation) -> Ended:
    """The last event of one job."""
    job = _submit(pool, evaluation)
    last = over(pool, job)[job][-1]
    assert isinstance(last, Ended)
    return last


def over(pool: WorkerPool, *jobs: int) -> dict[int, list[Event]]:
    """All that is told until every one of the jobs is over, a list for each job that is heard of."""
    told: dict[int, list[Event]] = {}
    for event in _until_over(pool, *jobs):
        told.setdefault(event.job, []).append(event)
    return told


def _submit(pool: WorkerPool, evaluation: Evaluation) -> int:
    job = next(_jobs)
    pool.submit(job, evaluation)
    return job


def _until_over(pool: WorkerPool, *jobs: int) -> Iterator[Event]:
    """Events up to the one that ends the last of the jobs."""
    waiting = set(jobs)
    for event in _stream(pool):
        yield event
        if isinstance(event, Ended):
            waiting.discard(event.job)
            if not waiting:
                return


def _stream(pool: WorkerPool) -> Iterator[Event]:
    """Events as they come; what is left of the last batch is dropped when the reader stops."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        yield from pool.wait(1.0)
    raise AssertionError(f"what was waited for did not come in {WAIT_SECONDS:g} s")


def _timeless(events: list[Event]) -> list[Event]:
    """The events without the times that reports tell."""
    untold: Any = {"seconds": 0.0, "tokens_per_second": None, "step_seconds": None, "inference_seconds": None}
    return [
        replace(event, report=replace(event.report, **untold)) if isinstance(event, Reported) else event
        for event in events
    ]
