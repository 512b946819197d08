"""Opening a pool by name: what cannot be is one clear line."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.workers import open_pool


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "slurm"}, "unknown executor 'slurm'; use local or ray"),
        ({"address": "a:1"}, "an address, CPUs and GPUs a candidate belong to the ray executor, not to local"),
        ({"cpus": 2}, "an address, CPUs and GPUs a candidate belong to the ray executor, not to local"),
        ({"gpus": 0.5}, "an address, CPUs and GPUs a candidate belong to the ray executor, not to local"),
        ({"workers": 0}, "a pool needs at least 1 worker and a timeout above 0 s, got 0 and 60"),
        ({"timeout": 0.0}, "a pool needs at least 1 worker and a timeout above 0 s, got 1 and 0"),
        ({"timeout": float("nan")}, "a pool needs at least 1 worker and a timeout above 0 s, got 1 and nan"),
        ({"executor": "ray", "gpus": -1}, "a candidate cannot take 1 CPUs and -1 GPUs; use numbers from 0"),
    ],
)
def test_options_that_make_no_pool_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CellsearchError) as refusal:
        open_pool(**{"executor": "local", "workers": 1, "timeout": 60, **options})
    assert str(refusal.value) == message


def test_ray_is_imported_only_by_whoever_asks_for_it() -> None:
    check = "import sys, cellsearch.workers, cellsearch.workers.local; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
