"""A Ray cluster of two machines (here two nodes on the loopback) that a pool joins and leaves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.plugins import TASKS, load, sources, texts
from cellsearch.testing.pool import over, troubled
from cellsearch.workers import Failed, Finished, Resources, WorkerPool, open_pool
from cellsearch.workers.ray.pool import ray  # imported there first, with its mode set

START = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"]


class Cluster:
    """A head with one CPU on the loopback, and the nodes that joined it."""

    def __init__(self, folder: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_TMPDIR": folder}
        token = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
        subprocess.run(token, env=self.environment, capture_output=True, check=True)
        self.nodes: list[subprocess.Popen[bytes]] = []
        head = [f"--port={port}", "--node-ip-address=127.0.0.1", "--include-dashboard=false", f"--temp-dir={folder}"]
        self._start("--head", *head)
        _wait_for(self.address)

    def join(self, **variables: str) -> None:
        """One more node, with these variables in its environment."""
        self._start(f"--address={self.address}", **variables)

    def _start(self, *options: str, **variables: str) -> None:
        command = [*START, f"--object-store-memory={100 * 2**20}", *options]
        environment = {**self.environment, **variables}
        self.nodes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))

    def end(self) -> None:
        for node in reversed(self.nodes):
            node.send_signal(signal.SIGTERM)
            node.wait(30)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = tempfile.mkdtemp(prefix="cs-cluster-")
    try:
        cluster = Cluster(folder)
        yield cluster
        cluster.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_jobs_run_on_every_node_that_joins_and_the_cluster_is_left_running(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    for nodes in (1, 2):
        with open_pool(Resources("ray", "auto", 60, cluster.address)) as pool:
            assert pool.size == nodes
            if nodes == 1:
                cluster.join()
                _until(pool, lambda: pool.size == 2)
            for job in (-1, -2):
                pool.submit(job, troubled(seconds=0.5, diary=diary))
            told = over(pool, -1, -2)
            assert not [event for events in told.values() for event in events if isinstance(event, Failed)]
        assert len({line.split()[1] for line in diary.read_text().splitlines()}) == 2


@pytest.mark.slow
def test_a_task_travels_with_its_package_and_a_node_with_another_torch_gets_none(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "beside_words.py").write_text("from cellsearch.testing.troubled_task import TASK as TASK\n")
    (mine / "task.py").write_text("from beside_words import TASK as TASK\n")
    task = f"{mine}/task.py:TASK"
    load(TASKS, task)
    pool = open_pool(Resources("ray", "auto", 60, cluster.address), sources(task))
    mine.rename(tmp_path / "gone")  # as on a machine that has never seen it
    with pool:
        before = pool.size
        other = tmp_path / "torch-1.0.dist-info"
        other.mkdir()
        (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n")
        cluster.join(PYTHONPATH=str(tmp_path))
        _until(pool, lambda: "is left out: torch 1.0 there" in caplog.text)
        jobs = range(-13, -10)
        for job in jobs:
            pool.submit(job, replace(troubled(task=task), texts=texts(task)))
        told = over(pool, *jobs)
        assert [told[job][-1] for job in jobs] == [Finished(job) for job in jobs]
        assert pool.size == before
    with pytest.raises(
        CellsearchError, match=r"node .*: torch 1.0 there, .* here; install the driver's versions there"
    ):
        open_pool(Resources("ray", "auto", 60, cluster.address))
    assert not ray.is_initialized()


def test_an_address_without_a_cluster_is_one_clear_error_at_once() -> None:
    begun = time.monotonic()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(CellsearchError, match=f"no Ray cluster answers at {nowhere} .*; start its head first"):
        open_pool(Resources("ray", 1, 60, address=nowhere))
    with pytest.raises(CellsearchError, match="is HOST:PORT of its head, got 'somewhere'"):
        open_pool(Resources("ray", 1, 60, address="somewhere"))
    assert time.monotonic() - begun < 5


def test_ray_that_was_imported_without_a_mode_does_not_try_to_join() -> None:
    script = """if True:
        import socket, ray
        from cellsearch.workers import Resources, open_pool
        head = socket.create_server(("127.0.0.1", 0))
        open_pool(Resources("ray", 1, 60, address=f"127.0.0.1:{head.getsockname()[1]}"))
    """
    environment = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    driver = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "CellsearchError: Ray was imported before its mode was set; set RAY_AUTH_MODE" in driver.stderr


@pytest.mark.slow
def test_more_gpus_than_there_are_is_one_clear_error() -> None:
    with pytest.raises(
        CellsearchError, match="a training takes 1 CPU, 64 GPU, which this machine does not have; join a cluster"
    ):
        open_pool(Resources("ray", 1, 60, gpus=64))
    assert not ray.is_initialized()


def _until(pool: WorkerPool, true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "what was waited for does not come"
        assert list(pool.wait(0.2)) == []


def _wait_for(address: str) -> None:
    host, _, port = address.rpartition(":")
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, "the head does not come up"
            time.sleep(0.1)
