"""Worker pools. What replaces a worker process takes seconds, so these checks run with the slow tests."""

from collections.abc import Callable, Sequence

import pytest

from cellsearch.testing import pool
from cellsearch.workers import WorkerPool

SLOW = {
    pool.check_a_death_fails_its_own_job_alone,
    pool.check_a_hanging_job_times_out,
    pool.check_a_deadline_counts_from_the_start,
    pool.check_a_cancelled_job_that_hangs_gives_its_place_back,
}


def marked(checks: Sequence[Callable[[WorkerPool], None]]) -> list[object]:
    """The checks as parameters of a test, the slow ones marked so."""
    return [
        pytest.param(check, id=check.__name__, marks=[pytest.mark.slow] if check in SLOW else []) for check in checks
    ]
