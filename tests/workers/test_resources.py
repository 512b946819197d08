"""Resources: what cannot be is one clear line, and a pool is opened for what can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellsearch.errors import BudgetError, CellsearchError, UnknownNameError
from cellsearch.workers import Resources, open_pool, resources
from cellsearch.workers.local import LocalPool
from cellsearch.workers.resources import cores


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"executor": "slurm"}, UnknownNameError, "unknown executor 'slurm'; use local or ray"),
        (
            {"address": "a:1"},
            BudgetError,
            "only the ray executor has address; choose it with executor, or leave that out",
        ),
        (
            {"cpus": 2, "gpus": 0.5},
            BudgetError,
            "only the ray executor has cpus, gpus; choose it with executor, or leave that out",
        ),
        (
            {"executor": "ray", "gpus": 1.5},
            BudgetError,
            "a training takes a fraction of one GPU or whole ones, got 1.5",
        ),
        (
            {"executor": "ray", "cpus": 0},
            BudgetError,
            "a training that takes nothing has room without end; give a number of workers",
        ),
        (
            {"executor": "ray", "send_cellsearch": True},
            BudgetError,
            "only the machines of a cluster are sent cellsearch; give its address too",
        ),
        ({"workers": "many"}, BudgetError, "workers must be a whole number, got 'many'"),
        ({"workers": 0}, BudgetError, "workers must be at least 1, got 0"),
        ({"timeout": 0.0}, BudgetError, "timeout must be above 0, in seconds a training, got 0"),
        ({"timeout": float("nan")}, BudgetError, "timeout must be above 0, in seconds a training, got nan"),
        ({"executor": "ray", "gpus": -1}, BudgetError, "a training cannot take 1 CPU, -1 GPU; use numbers from 0"),
    ],
)
def test_resources_that_make_no_pool_are_refused(
    options: dict[str, Any], error: type[CellsearchError], message: str
) -> None:
    with pytest.raises(error) as refusal:
        Resources(**options)
    assert str(refusal.value) == message


def test_without_a_number_of_workers_there_is_one_a_core() -> None:
    assert Resources().size == cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_job_of_one_core_has_one_worker() -> None:
    one = min(os.sched_getaffinity(0))
    program = "from cellsearch.workers import Resources; print(Resources().size)"
    pinned = f"import os; os.sched_setaffinity(0, [{one}]); {program}"
    assert subprocess.check_output([sys.executable, "-c", pinned]) == b"1\n"


@pytest.mark.parametrize(("quota", "count"), [("max 100000", 64), ("350000 100000", 3), ("50000 100000", 1), ("", 64)])
def test_a_container_with_a_quota_has_no_more_workers_than_that(
    quota: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    monkeypatch.setattr(resources, "QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    assert Resources().size == count


def test_a_local_pool_has_as_many_workers_as_it_was_told() -> None:
    with open_pool(Resources(workers=3)) as pool:
        assert isinstance(pool, LocalPool) and pool.size == 3


def test_ray_is_imported_only_by_whoever_asks_for_it() -> None:
    check = "import sys, cellsearch.workers, cellsearch.workers.local; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
