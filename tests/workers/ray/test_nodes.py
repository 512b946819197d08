"""Nodes: how many trainings have room on a machine."""

from __future__ import annotations

import pytest

from cellsearch.workers import Resources
from cellsearch.workers.ray.nodes import GIB, places

MACHINE = {"CPU": 8.0, "GPU": 2.0, "memory": 16.0 * GIB, "node:10.0.0.1": 1.0}


@pytest.mark.parametrize(
    ("cpus", "gpus", "memory", "room"),
    [
        (1, 0, 0, 8),
        (3, 0, 0, 2),
        (0.1, 0, 0, 80),
        (1, 0.4, 0, 4),  # two on each card, none on both
        (1, 1, 0, 2),
        (1, 2, 0, 1),
        (1, 3, 0, 0),
        (1, 0, 5, 3),
        (1, 0, 17, 0),
    ],
)
def test_as_many_trainings_have_room_as_what_is_scarcest_holds(
    cpus: float, gpus: float, memory: float, room: int
) -> None:
    assert places(Resources("ray", cpus=cpus, gpus=gpus, memory=memory), MACHINE) == room


def test_a_machine_without_what_is_taken_has_no_room() -> None:
    assert places(Resources("ray", gpus=0.5), {"CPU": 8.0}) == 0
