"""A Ray to run on: one of our own on this machine, or a cluster that others have started."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import ray
from ray._private import ray_constants
from ray.exceptions import RayError

from cellsearch.errors import CellsearchError, one_line
from cellsearch.workers.resources import Resources

__all__ = ["join", "start"]

OBJECT_STORE: Final = 100 * 2**20
"""Bytes of shared memory for a Ray of our own; reports are small, and Ray takes no less than 80 MB."""

CONNECT: Final = 5.0
"""Seconds in which a cluster's head must answer."""


def start(training: Resources, folder: str) -> None:
    """Start a Ray of our own: `local`, or it would follow the address that some other Ray left on this machine."""
    try:
        with _on_the_loopback():
            ray.init(
                "local",
                num_cpus=math.ceil(training.size * training.cpus),
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                _temp_dir=f"{folder}/ray",  # one further down, for Ray opens its folder to everybody
            )
    except (RayError, RuntimeError, OSError, ValueError) as error:
        raise CellsearchError(f"Ray does not start on this machine: {one_line(error)}") from error


@contextmanager
def _on_the_loopback() -> Iterator[None]:
    """Ray binds its ports to the network's address, the loopback's given too, unless it is told to have no cluster."""
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def join(address: str, environment: Mapping[str, Any]) -> None:
    """Join the cluster whose head is at that address, whose machines get the runtime environment."""
    _check_reachable(address)
    if "RAY_AUTH_MODE" not in os.environ:  # without a mode Ray would be turned away for 20 s
        raise CellsearchError(
            "Ray was imported before its mode was set; set RAY_AUTH_MODE to what the cluster's head has "
            "(token or disabled) and start again"
        )
    try:
        ray.init(address, runtime_env=dict(environment), logging_level=logging.ERROR, log_to_driver=False)
    except (RayError, RuntimeError, OSError, ValueError) as error:
        raise CellsearchError(
            f"cannot join the Ray cluster at {address}: {one_line(error)}; "
            f"it needs Ray {ray.__version__}, and RAY_AUTH_MODE and the token as its head has them"
        ) from error


def _check_reachable(address: str) -> None:
    """Ask first whether anybody listens there: Ray itself would try for a long time."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise CellsearchError(f"the address of a Ray cluster is HOST:PORT of its head, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT).close()
    except (OSError, OverflowError) as error:
        raise CellsearchError(
            f"no Ray cluster answers at {address} ({one_line(error)}); start its head first"
        ) from error
