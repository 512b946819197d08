"""The machines of a cluster: which may train, how many trainings they have room for, and which have come and gone."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import Any, Final

import ray
from ray.autoscaler.sdk import request_resources
from ray.exceptions import RayError

from cellsearch.errors import CellsearchError, one_line
from cellsearch.workers.ray.versions import differences, teller
from cellsearch.workers.resources import Resources

__all__ = ["Nodes", "places", "taken"]

LOG: Final = logging.getLogger("cellsearch")

LOOK: Final = 1.0
"""Seconds between two looks at the cluster."""

ANSWER: Final = 120.0
"""Seconds that the machines which are there at the beginning have to tell their versions."""

GIB: Final = 2**30

LABEL: Final = "ray.io/node-id"
"""The label by which Ray tells one machine from another."""


class Nodes:
    """What the Ray that this process is connected to has for trainings; `look` keeps it up to date.

    With `check`, which is for a cluster, a machine counts once it has told its versions, and they are the driver's.
    Raises CellsearchError if a machine that is there at the beginning has others, or a Ray of our own no room.
    """

    def __init__(self, training: Resources, check: bool) -> None:
        self._training, self._check = training, check
        self._here = teller()()
        self._places: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._asked: dict[str, Any] = {}
        self._unfit: dict[str, str] = {}
        self._wanted = 0
        self.due = 0.0
        self.look()
        if self._asked:
            ray.wait(list(self._asked.values()), num_returns=len(self._asked), timeout=ANSWER)
            self.due = 0.0
            self.look()
        for node, reason in self._unfit.items():
            raise CellsearchError(
                f"node {self._names[node]}: {reason}; install the driver's versions there{_or_send(reason)}"
            )
        if not self.places and not check:
            raise CellsearchError(
                f"a training takes {training.taken}, which this machine does not have; join a cluster that does, or "
                "take less"
            )
        if not self.places:
            LOG.warning("no machine of the cluster has room for %s yet; trainings wait for one", training.taken)

    @property
    def count(self) -> int:
        """Machines that train."""
        return sum(count > 0 for count in self._places.values())

    @property
    def places(self) -> int:
        """Trainings that have room at once."""
        return sum(self._places.values())

    @property
    def selector(self) -> dict[str, str]:
        """Ray's label selector that keeps trainings off machines which are unfit or have not answered."""
        without = sorted({*self._unfit, *self._asked})
        return {LABEL: f"!in({','.join(without)})"} if without else {}

    def look(self) -> None:
        """See which machines there are, once in a while: those that are new are asked for their versions."""
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + LOOK
        alive = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]
        for gone in self._names.keys() - alive.keys():
            LOG.info("node %s has left the cluster", self._names.pop(gone))
            for known in (self._places, self._asked, self._unfit):
                known.pop(gone, None)
        for node in alive.keys() - self._names.keys():
            self._names[node] = alive[node]["NodeManagerAddress"]
            LOG.info("node %s has joined the cluster", self._names[node])
            if self._check:
                self._asked[node] = _ask(node)
        for node in [*self._asked]:
            self._hear(node)
        self._places = {
            node: places(self._training, each["Resources"])
            for node, each in alive.items()
            if node not in self._asked and node not in self._unfit
        }

    def want(self, count: int) -> None:
        """Tell a cluster that grows by itself for how many trainings there is work; 0 lets it shrink."""
        if count != self._wanted:
            self._wanted = count
            request_resources(bundles=[_bundle(self._training)] * count)

    def _hear(self, node: str) -> None:
        """Take a machine in, or leave it out, if it has answered."""
        answered, _ = ray.wait([self._asked[node]], timeout=0)
        if not answered:
            return
        del self._asked[node]
        try:
            reason = differences(ray.get(answered[0]), self._here)
        except RayError as error:
            reason = f"does not say what is installed there ({one_line(error)})"
        if reason:
            self._unfit[node] = reason
            LOG.warning("node %s is left out: %s", self._names[node], reason)


def taken(training: Resources) -> dict[str, Any]:
    """What a training takes, as Ray's options of a task."""
    return {"num_cpus": training.cpus, "num_gpus": training.gpus, "memory": int(training.memory * GIB)}


def places(training: Resources, node: Mapping[str, float]) -> int:
    """How many trainings have room on a machine with these resources of Ray's; none is spread over two cards."""
    cards = int(node.get("GPU", 0))
    shares = [_fits(node.get("CPU", 0), training.cpus), _fits(node.get("memory", 0), training.memory * GIB)]
    shares.append(cards * _fits(1, training.gpus) if 0 < training.gpus < 1 else _fits(cards, training.gpus))
    return int(min(shares)) if min(shares) < math.inf else training.size


def _fits(whole: float, part: float) -> float:
    return math.floor(whole / part + 1e-9) if part else math.inf


def _bundle(training: Resources) -> dict[str, float]:
    parts = {"CPU": training.cpus, "GPU": training.gpus, "memory": training.memory * GIB}
    return {name: part for name, part in parts.items() if part}


def _ask(node: str) -> Any:
    task = ray.remote(num_cpus=0, max_retries=0, label_selector={LABEL: node})(teller())
    return task.remote()


def _or_send(reason: str) -> str:
    return ", or send cellsearch there (--send-cellsearch)" if "cellsearch" in reason else ""
