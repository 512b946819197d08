"""The program of a cell: its plan as matrix products and groups of elementwise work, forward and in reverse.

A step is a row of groups. A group begins with matrix products; then one pass over the rows of the batch computes all
that can be computed before the next product has to run. Nothing here knows a language or a device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from cellsearch.cell import INPUT, Cell
from cellsearch.recurrence.plan.plan import Phase, Plan
from cellsearch.recurrence.plan.planner import plan
from cellsearch.recurrence.program.groups import ForwardGroups, ReverseGroups
from cellsearch.recurrence.program.lowering import ALONG_ROW
from cellsearch.recurrence.program.places import Call, Group, Place, home, stored

__all__ = ["Program", "program"]


@dataclass(frozen=True)
class Program:
    """Forward and reverse groups of one step, `stored` are the values that the reverse pass loads.

    The products of the input, and those that lead gradients back to it, wait for no step: `prepared` and `returned`
    run for several steps at once, before and after these.
    """

    plan: Plan
    phase: Phase
    prepared: tuple[Call, ...]
    forward: tuple[Group, ...]
    reverse: tuple[Group, ...]
    returned: tuple[Call, ...]
    stored: frozenset[str]

    @property
    def divides_units(self) -> bool:
        """Whether each hidden unit goes through the steps alone: no product in a step, and no sum along the row."""
        groups = (*self.forward, *self.reverse)
        names = {each.name for group in groups for each in group.lowering.instructions}
        return not any(group.calls for group in groups) and not names & {*ALONG_ROW}


LASTING: Final = ("state", "state_gradient", "gradient_column", "input_gradient")
"""Places that are read after the step."""


@lru_cache(maxsize=1024)
def program(cell: Cell) -> Program:
    """The program of a resolved cell whose linears are all plain ones."""
    made = plan(cell)
    kept = stored(made)
    forward, reverse = ForwardGroups(made, kept).groups(), ReverseGroups(made, kept).groups()
    loaded = {home(made.step, cell, cell.output), *_loaded([*forward, *reverse])}
    for group in (*forward, *reverse):
        group.stores = [(place, value) for place, value in group.stores if place.kind in LASTING or place in loaded]
    prepared = tuple(
        Call(product, Place("given", INPUT), Place("column", product.linears[0]), adds=False)
        for product in made.step.prepared
    )
    found = any(place.kind == "input_gradient" for group in reverse for place, _ in group.stores)
    returned = tuple(
        Call(call.product, replace(call.target, kind="gradient_column"), Place("input_gradient", INPUT), found or i > 0)
        for i, call in enumerate(prepared)
    )
    return Program(made, made.step, prepared, tuple(forward), tuple(reverse), returned, kept)


def _loaded(groups: Iterable[Group]) -> Iterator[Place]:
    for group in groups:
        yield from (call.operand for call in group.calls)
        results = [value for _, value in (*group.stores, *group.sums)]
        for number in group.lowering.needed(results):
            if group.lowering.instructions[number].name == "load":
                yield group.lowering.instructions[number].of  # type: ignore[misc]
