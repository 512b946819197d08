"""Ray on this machine: the conformance suite, and what only it promises."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from cellsearch.errors import CellsearchError
from cellsearch.testing.pool import POOL_CHECKS, SIZE, TIMEOUT, outcome, troubled
from cellsearch.workers import Resources, WorkerPool
from cellsearch.workers.ray.pool import RayPool, ray  # imported there first, with its mode set
from tests.helpers.pool_checks import marked


@pytest.fixture(scope="module")
def pool() -> Iterator[RayPool]:
    with RayPool(Resources("ray", SIZE, TIMEOUT)) as pool:
        yield pool
    assert not ray.is_initialized()
    assert not glob.glob(f"{pool._folder}*")


@pytest.mark.parametrize("check", marked(POOL_CHECKS))
def test_pool_conforms(check: Callable[[WorkerPool], None], pool: WorkerPool) -> None:
    check(pool)


def test_a_task_in_a_file_is_found_from_the_drivers_directory(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_task.py").write_text("from my_other_file import TASK\n")
    (tmp_path / "my_other_file.py").write_text("from cellsearch.testing.troubled_task import TASK as TASK\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert outcome(pool, troubled(task="my_task.py:TASK", diary="diary")) == "finished"
    _, _, threads, directory = (tmp_path / "diary").read_text().split()
    assert (threads, directory) == ("1", str(tmp_path))


def test_every_port_of_a_ray_of_our_own_is_on_the_loopback_and_asks_for_a_token(pool: WorkerPool) -> None:
    assert outcome(pool, troubled()) == "finished"
    places = {
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert places and all(ip_address(place.removeprefix("::ffff:")).is_loopback for place in places), places
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_second_pool_in_one_process_is_refused(pool: WorkerPool) -> None:
    with pytest.raises(CellsearchError, match="this process is connected to a Ray already"):
        RayPool(Resources("ray", 1, 60))
    assert outcome(pool, troubled()) == "finished"


DRIVER = """
from cellsearch.testing.pool import troubled
from cellsearch.workers import Reported, Resources, open_pool

pool = open_pool(Resources("ray", 1, 60))
pool.submit(0, troubled(trouble="hang in C", diary="diary"))
while not any(isinstance(event, Reported) for event in pool.wait(60)):
    pass
print(pool._folder, flush=True)
pool.wait(60)
"""


@pytest.mark.slow
def test_no_process_of_ray_outlives_its_driver(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    with driver:
        assert driver.stdout is not None
        folder = driver.stdout.readline().strip()
        assert _processes(folder)
        driver.kill()
    until = time.monotonic() + 30
    while (left := _processes(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left
    subprocess.run(["rm", "-r", folder], check=True)


def _processes(folder: str) -> list[int]:
    """The processes that name the folder in their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (place / "cmdline").read_bytes() and int(place.name) != os.getpid():
                found.append(int(place.name))
        except OSError:
            continue
    return found
