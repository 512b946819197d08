"""Resources: what cannot be is one clear line, and a pool is opened for what can."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cellsearch.errors import BudgetError, CellsearchError, UnknownNameError
from cellsearch.workers import Resources, open_pool
from cellsearch.workers.local import LocalPool
from cellsearch.workers.resources import cores


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"executor": "slurm"}, UnknownNameError, "unknown executor 'slurm'; use local or ray"),
        (
            {"address": "a:1"},
            BudgetError,
            "an address, CPUs and GPUs a training belong to the ray executor, not to local",
        ),
        ({"cpus": 2}, BudgetError, "an address, CPUs and GPUs a training belong to the ray executor, not to local"),
        ({"gpus": 0.5}, BudgetError, "an address, CPUs and GPUs a training belong to the ray executor, not to local"),
        ({"workers": 0}, BudgetError, "workers must be at least 1, got 0"),
        ({"timeout": 0.0}, BudgetError, "timeout must be above 0, in seconds a training, got 0"),
        ({"timeout": float("nan")}, BudgetError, "timeout must be above 0, in seconds a training, got nan"),
        ({"executor": "ray", "gpus": -1}, BudgetError, "a training cannot take 1 CPUs and -1 GPUs; use numbers from 0"),
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


def test_a_local_pool_has_as_many_workers_as_it_was_told() -> None:
    with open_pool(Resources(workers=3)) as pool:
        assert isinstance(pool, LocalPool) and pool.size == 3


def test_ray_is_imported_only_by_whoever_asks_for_it() -> None:
    check = "import sys, cellsearch.workers, cellsearch.workers.local; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
