"""A small profile that no training made."""

from __future__ import annotations

from pathlib import Path

from cellsearch import plugins
from cellsearch.signals import Saturation
from cellsearch.study.profiling.exercises import Skill
from cellsearch.study.profiling.profile import Portrait, Profile

__all__ = ["PROFILE"]

SKILLS = [Skill("remember", 0.5), Skill("add", guess=0.2, perfect=0.0)]

GATES = {"update_gate": Saturation(shut=0.25, open=0.5)}

PROFILE = Profile(
    Path("runs/profile"),
    2_000,
    SKILLS,
    [
        Portrait(
            plugins.seed("rnn"), {"adding": 8}, {"remember": 0.5, "add": 0.05}, [0.5**lag for lag in range(40)], {}
        ),
        Portrait(
            plugins.seed("gru"),
            {"adding": 5},
            {"remember": 0.75, "add": None},
            [1.0] * 40,
            GATES,
            {"adding": "the loss is nan at step 3"},
        ),
    ],
)
