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
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.testing.pool import check_a_job_tells_what_evaluate_yields, over, troubled
from cellsearch.workers import Failed, Resources, open_pool
from cellsearch.workers.ray.pool import ray  # imported there first, with its mode set

START = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster of two nodes with one CPU each."""
    folder = tempfile.mkdtemp(prefix="cs-cluster-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_TMPDIR": folder}
    token = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
    subprocess.run(token, env=environment, capture_output=True, check=True)
    head = ["--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
    memory = f"--object-store-memory={100 * 2**20}"
    nodes = []
    try:
        for options in ([*head, f"--temp-dir={folder}"], [f"--address={address}"]):
            nodes.append(subprocess.Popen([*START, *options, memory], env=environment, stdout=subprocess.DEVNULL))
            _wait_for(address)
        yield address
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
            node.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_jobs_run_on_both_nodes_of_a_cluster_and_leave_it_running(address: str, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    for _ in range(2):
        with open_pool(Resources("ray", 2, 60, address=address)) as pool:
            for _ in range(100):
                if len([node for node in ray.nodes() if node["Alive"]]) == 2:
                    break
                time.sleep(0.1)
            for job in (-1, -2):
                pool.submit(job, troubled(seconds=0.5, diary=diary))
            told = over(pool, -1, -2)
            assert not [event for events in told.values() for event in events if isinstance(event, Failed)]
            check_a_job_tells_what_evaluate_yields(pool)
        nodes = {line.split()[1] for line in diary.read_text().splitlines()}
        assert len(nodes) == 2, nodes


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
    with pytest.raises(CellsearchError, match="a candidate needs 64 GPU, but Ray finds none here"):
        open_pool(Resources("ray", 1, 60, gpus=64))
    assert not ray.is_initialized()


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
