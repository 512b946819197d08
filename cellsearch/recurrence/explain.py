"""A plan in words: what of a cell is computed when, for people who want to know why it is fast or slow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cellsearch.cell import LINEAR, Cell
from cellsearch.cell.linearity import Dependence, dependence, is_linear_in_state
from cellsearch.recurrence.program.places import Call, Group
from cellsearch.recurrence.program.program import Program, program
from cellsearch.recurrence.structured import plain

__all__ = ["plan_text"]


def plan_text(cell: Cell) -> str:
    """The plan of a resolved cell, line by line: all steps at once, each step, and the same in reverse."""
    made = program(plain(cell))
    return "\n".join(
        [
            *_section("once for several steps", map(_product, made.prepared)),
            *_section("each step", _forward(made)),
            *_section("each step in reverse", _reverse(made)),
            *_section("once for several steps in reverse", map(_returned, made.returned)),
            *_section("after the reverse loop", _deferred(made)),
            *_section("memory", _memory(made)),
            *_section("over time", [_recurrence(made.plan.cell)]),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    if found := list(lines):
        yield title
        yield from (f"  {line}" for line in found)


def _forward(made: Program) -> Iterator[str]:
    for group in made.forward:
        yield from map(_product, group.calls)
        yield from _elementwise("elementwise", [n for n in group.names if made.plan.cell.nodes[n].op != LINEAR], group)


def _reverse(made: Program) -> Iterator[str]:
    for group in made.reverse:
        yield from map(_returned, group.calls)
        yield from _elementwise("elementwise, gradients of", group.names, group)


def _elementwise(what: str, names: list[str], group: Group) -> Iterator[str]:
    results = [number for _, number in (*group.stores, *group.sums)]
    passes = 1 + max((group.lowering.stage[number] for number in group.lowering.needed(results)), default=0)
    if names:
        along = f" ({passes} passes over the row, for sums along it)" if passes > 1 else ""
        yield f"{what} {', '.join(names)}{along}"


def _product(call: Call) -> str:
    return f"product {', '.join(call.product.linears)} {'+=' if call.adds else '='} weights of {call.product.operand}"


def _returned(call: Call) -> str:
    return f"product gradient of {call.product.operand} from {', '.join(call.product.linears)}"


def _deferred(made: Program) -> Iterator[str]:
    for product in made.phase.products:
        yield f"product weight gradients of {', '.join(product.linears)} by {product.operand}"
    summed = [f"{place.parameter} of {place.of}" for group in made.reverse for place, _ in group.sums]
    if summed:
        yield f"summed on the way {', '.join(summed)}"


def _memory(made: Program) -> Iterator[str]:
    cell = made.plan.cell
    places: Mapping[str, str | None] = {name: _overwritten(made, name) for name in cell.nodes}
    in_place = [f"{name} in place of {linear}" for name, linear in places.items() if linear]
    again = [name for name in cell.nodes if name in made.plan.saved and name not in made.stored]
    yield f"kept for the reverse pass {', '.join(n for n in (*cell.states, *cell.order) if _kept(made, n))}"
    if in_place:
        yield f"in one place {', '.join(in_place)}"
    if again:
        yield f"computed again in reverse {', '.join(again)}"


def _kept(made: Program, name: str) -> bool:
    return name in made.stored or name in made.plan.cell.states


def _overwritten(made: Program, name: str) -> str | None:
    column = made.phase.columns.get(name)
    return None if column is None or name in made.phase.linears else made.phase.linears[column]


def _recurrence(cell: Cell) -> str:
    if is_linear_in_state(cell):
        return "linear in its states, unit by unit, with coefficients from the input alone: a parallel scan can run it"
    depends = dependence(cell)
    culprit = next(state for state, node in cell.states.items() if depends[node] > Dependence.LINEAR)
    return f"not linear in its states ({culprit} is not), so that steps wait for one another"
