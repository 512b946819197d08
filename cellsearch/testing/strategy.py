"""What every search strategy must do: run `check_strategy` on your own in one line of a test.

from cellsearch.testing.strategy import check_strategy
def test_my_strategy(): check_strategy(lambda seeds, space: MyStrategy(seeds, space))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Final

from cellsearch.cell import Cell, from_equations, identity
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.study.forms import BASELINES
from cellsearch.study.record import Proposal, Record, State
from cellsearch.study.strategies import Strategy

__all__ = ["HISTORIES", "SPACE", "check_strategy", "record"]

SPACE: Final[SearchSpace] = SearchSpace(
    name="check",
    seeds={
        "plain": from_equations("plain", "h_next = tanh(linear(x, h))", states=["h"], output="h_next"),
        "gated": from_equations(
            "gated",
            """
            gate = sigmoid(linear(x, h))
            h_next = blend(gate, h, tanh(linear(x, h)))
            """,
            states=["h"],
            output="h_next",
        ),
    },
    operations=("linear", "sum", "product", "blend", "sigmoid", "tanh", "relu"),
    most_nodes=12,
    most_states=2,
    sample=lambda random: mutate(random.choice(SEEDS), SPACE, random)[0],
)
"""A small space that every strategy must find its way in."""

SEEDS: Final[Sequence[Cell]] = tuple(SPACE.seeds.values())

DRAWS: Final = 10
"""Proposals that a check asks for with each history."""


def record(
    number: int, cell: Cell, state: State = "complete", score: float | None = None, role: str = "candidate"
) -> Record:
    """A trial as a ledger would have it."""
    return Record(
        number=number,
        state=state,
        cell=cell,
        identity=identity(cell),
        role=role,
        seed=0,
        steps=5,
        parents=(),
        edits=(),
        hyperparameters={} if state == "waiting" else {"learning_rate": 0.01},
        scores={5: score} if score is not None else {},
        score=score if state == "complete" else None,
        reason="it raised" if state == "failed" else "",
        hidden_size=8,
        parameters=100,
        seconds=1.0,
        test=None,
        began=None,
        ended=None,
        baseline=cell.name if cell.name in BASELINES and role not in ("baseline", "candidate") else "",
    )


def _history(candidates: int, states: Sequence[State]) -> list[Record]:
    """The seeds as baselines, then `candidates` mutants of them, in the states in turn."""
    records = [record(i, cell, "complete", 1.0 + i, "baseline") for i, cell in enumerate(SEEDS)]
    for i in range(candidates):
        cell, _ = mutate(records[i].cell, SPACE, Random(i))
        state, number = states[i % len(states)], len(records)
        score = None if state == "failed" else float(i % 7)
        records.append(record(number, cell.renamed(f"cell_{number}"), state, score))
    return records


HISTORIES: Final[Mapping[str, Sequence[Record]]] = {
    "nothing": (),
    "baselines that wait": [record(i, cell, "waiting", role="baseline") for i, cell in enumerate(SEEDS)],
    "baselines": _history(0, ("complete",)),
    "failed trials": _history(40, ("failed",))[len(SEEDS) :],
    "pruned trials": _history(40, ("pruned",))[len(SEEDS) :],
    "a search": _history(40, ("complete", "pruned", "complete", "failed", "running")),
}
"""Histories by what is in them."""


def check_strategy(make: Callable[[Sequence[Cell], SearchSpace], Strategy]) -> None:
    """Hold the strategy that `make` makes of seed cells and a space to the rules of `search.strategy.Strategy`.

    Raises AssertionError that says which rule it breaks.
    """
    for what, history in HISTORIES.items():
        for lower_is_better in (True, False):
            before = deepcopy(history)
            proposals = [_propose(make, history, lower_is_better, draw) for draw in range(DRAWS)]
            again = [_propose(make, history, lower_is_better, draw) for draw in range(DRAWS)]
            assert proposals == again, f"with {what}: the same history and draws give the same proposals"
            assert history == before, f"with {what}: the history is left alone"
            for proposal in proposals:
                _check_proposal(proposal, history, what)
            distinct = {identity(proposal.cell) for proposal in proposals}
            assert len(distinct) > 1, f"with {what}: other draws give other cells"


def _propose(
    make: Callable[[Sequence[Cell], SearchSpace], Strategy], history: Sequence[Record], lower: bool, draw: int
) -> Proposal:
    """From a strategy made anew each time, for all that it may know is handed to it."""
    return make(SEEDS, SPACE).propose(history, lower, Random(draw))


def _check_proposal(proposal: Proposal, history: Sequence[Record], what: str) -> None:
    assert isinstance(proposal, Proposal), f"with {what}: it proposes a Proposal, got {type(proposal).__name__}"
    assert SPACE.contains(proposal.cell), f"with {what}: the cell lies in the space"
    assert set(proposal.parents) <= {each.number for each in history}, f"with {what}: parents are trials seen before"
    assert all(isinstance(words, str) and words for words in proposal.edits), f"with {what}: edits are words"
    if proposal.parents:
        assert proposal.edits, f"with {what}: what a child was made by is told"
