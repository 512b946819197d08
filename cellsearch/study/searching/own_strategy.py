"""A strategy of the user's own: what it proposes is looked at, and what it raises is one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.cell.untrusted import short
from cellsearch.errors import CellsearchError, StrategyError, one_line
from cellsearch.space import SearchSpace
from cellsearch.study.record import Proposal, Record
from cellsearch.study.strategies import Strategy, make_strategy

__all__ = ["OwnStrategy", "strategy_of"]


@dataclass(frozen=True)
class OwnStrategy:
    """The strategy of a reference such as `my_file.py:MyStrategy`, held to what a strategy promises."""

    name: str
    strategy: Strategy
    space: SearchSpace

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """What it proposes. Raises StrategyError if that is no cell of the space, or if it raises."""
        try:
            proposal = self.strategy.propose(history, lower_is_better, random)
        except CellsearchError:
            raise
        except Exception as error:
            raise StrategyError(f"strategy {self.name!r}: propose raised {one_line(error)}; mend it") from error
        if not isinstance(proposal, Proposal) or not isinstance(proposal.cell, Cell):
            raise StrategyError(
                f"strategy {self.name!r}: propose returned {short(proposal)}; return cellsearch.Proposal(cell)"
            )
        if not self.space.contains(proposal.cell):
            raise StrategyError(
                f"strategy {self.name!r}: it proposed cell {proposal.cell.name!r}, which lies outside of space "
                f"{self.space.name!r}; make cells with cellsearch.mutate, or widen the space"
            )
        return proposal


def strategy_of(name: str, seeds: Sequence[Cell], space: SearchSpace) -> Strategy:
    """The strategy of a name, or of a reference to a class or function that makes one of seed cells and a space.

    Raises UnknownNameError as `make_strategy` and `plugins.load` do, StrategyError if the reference makes none.
    """
    if ":" not in name:
        return make_strategy(name, seeds, space)
    make: Callable[[Sequence[Cell], SearchSpace], Strategy] = plugins.load(plugins.STRATEGIES, name)
    try:
        made = make(seeds, space)
    except Exception as error:
        raise StrategyError(
            f"strategy {name!r} cannot be made: {one_line(error)}; name what is made of seeds and a space"
        ) from error
    if not callable(getattr(made, "propose", None)):
        raise StrategyError(
            f"strategy {name!r} is {short(made)}, which has no method propose(history, lower_is_better, random)"
        )
    return OwnStrategy(name, made, space)
