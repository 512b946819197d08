"""The exercises of a profile, and the skills that each of them shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["EXERCISES", "Exercise", "Skill"]


@dataclass(frozen=True)
class Skill:
    """One line of a profile: a figure of a trained model on test data, between `guess` and `perfect`.

    The figure is the task's metric, or what its details call `detail`.
    """

    name: str
    guess: float
    perfect: float = 1.0
    detail: str = ""

    def level(self, figure: float) -> float:
        """0 for guessing or worse, 1 for perfect."""
        return min(1.0, max(0.0, (figure - self.guess) / (self.perfect - self.guess)))


@dataclass(frozen=True)
class Exercise:
    """One training a cell and learning rate, and the skills that it shows."""

    task: str
    options: Mapping[str, str]
    steps: int
    skills: Sequence[Skill]


EXERCISES: Final = (
    Exercise(
        "delayed_recall",
        {"length": "20"},
        1000,
        [Skill("remember a symbol for 20 steps", 1 / 8), Skill("... for 80", 1 / 8, detail="accuracy at length 80")],
    ),
    Exercise(
        "copy_memory", {"length": "5"}, 4000, [Skill("copy 10 symbols after 5", 1 / 8, detail="recall at length 5")]
    ),
    Exercise(
        "parity",
        {"length": "20"},
        400,
        [Skill("count ones modulo 2, of 20", 1 / 2), Skill("... of 100", 1 / 2, detail="accuracy at length 100")],
    ),
    Exercise(
        "dyck",
        {"length": "30"},
        500,
        [Skill("match 30 brackets", 0.44), Skill("... 120", 0.44, detail="accuracy at length 120")],
    ),
    Exercise("associative_recall", {"length": "2"}, 4000, [Skill("look up one of 2 pairs", 1 / 2)]),
    Exercise("adding", {"length": "50"}, 1000, [Skill("add 2 marked of 50 numbers", 1 / 6, perfect=0.0)]),
)
"""The profile's exercises. `guess` is what a model gets that reads nothing, or the wrong part of what it should."""
