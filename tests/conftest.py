"""What every test shares: one thread a process, since several share two cores, and the same draws every time."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

# Before torch is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from cellsearch.cell import functions, ops
from cellsearch.recurrence import custom

settings.register_profile(
    "cellsearch",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cellsearch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a name that is another in each process: several processes share one list of tests."""
    for item in items:
        if re.search(r" at 0x[0-9a-f]{6}", item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} is named after an address; give its parameters `ids`")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes begun from here heed an interrupt, even if this one runs in the background and was told not to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def table_of_operations() -> Iterator[None]:
    """The table of operations as it was before, when the test is over."""
    tables: list[dict[str, Any]] = [ops._ROWS, functions._FUNCTIONS, custom._DEFINED, vars(custom.USER)]
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)
