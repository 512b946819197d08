"""Signs that only names decide: whether tanh(a - b) or -tanh(b - a) is canonical, where a and b look alike.

Rules that draw a sign out of a value take the sign that the shapes of its terms decide. Where these are alike, the
rest of the cell is looked at: learned arrays and states are told apart by who reads them, signs left aside. What is
alike even then, as in h1 - h2, is tried both ways, and whoever called takes the form with the smallest text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from cellsearch.cell.labelling import coloured
from cellsearch.cell.terms import COMBINATION, Form, commutes, operands_first

__all__ = ["MOST_FORMS", "sign_choices"]

MOST_FORMS: Final = 64
"""Forms of one cell that are tried. After these one choice is taken: the same for the same cell, but in so symmetric
a cell no longer sure to be the same under other names."""

Salts = Mapping[str, int]


def sign_choices(form: Form, written: Callable[[Salts], Form]) -> list[Form]:
    """The forms among which the canonical one is: `form`, if it leaves no sign open, else those that decide them all.

    `written` writes the cell anew with learned arrays and states told apart by numbers for their names.
    """
    if not _open(form):
        return [form]
    states = [v for v, term in enumerate(form.graph.terms) if term.op == "state"]
    atoms = sorted({*states, *(v for v in form.reachable if form.graph.terms[v].op != COMBINATION)})
    place = {value: i for i, value in enumerate(atoms)}
    output = set(_read(form, form.output))
    labels = [(form.graph.terms[v].op, form.graph.terms[v].numbers, v in output) for v in atoms]
    edges = _edges(form, place)
    found: list[Form] = []

    def choose(labels: Sequence[Any]) -> None:
        colours = coloured(labels, edges)
        salts = {name: colours[place[v]] for v in atoms for name, _ in form.graph.terms[v].weights}
        chosen = written(salts)
        undecided = _open(chosen) and _smallest_class(chosen, salts)
        if not undecided:
            found.append(chosen)
            return
        for name in undecided:
            if len(found) < MOST_FORMS or not found:
                marked = [any(name == each for each, _ in form.graph.terms[v].weights) for v in atoms]
                choose(list(zip(colours, marked, strict=True)))

    choose(labels)
    return found


def _open(form: Form) -> list[int]:
    return [value for value in form.reachable if value in form.graph.tied]


def _smallest_class(form: Form, salts: Salts) -> list[str]:
    """Names of learned arrays or states that are alike under a value whose sign is open; none if all are told apart."""
    classes: dict[int, dict[str, None]] = defaultdict(dict)
    for value in operands_first(form.graph, _open(form), {}):
        if weights := form.graph.terms[value].weights:
            classes[salts[weights[0][0]]][weights[0][0]] = None
    shared = [(len(names), colour) for colour, names in classes.items() if len(names) > 1]
    return list(classes[min(shared)[1]]) if shared else []


def _edges(form: Form, place: Mapping[int, int]) -> list[list[tuple[str, int]]]:
    """Who reads whom, through sums as if these were not there."""
    edges: list[list[tuple[str, int]]] = [[] for _ in place]
    links = [
        ("any" if commutes(term.op) else str(i), value, atom)
        for value in form.reachable
        if (term := form.graph.terms[value]).op != COMBINATION
        for i, operand in enumerate(term.operands)
        for atom in _read(form, operand)
    ]
    states = {term.weights[0][0]: v for v, term in enumerate(form.graph.terms) if term.op == "state"}
    links += [("next", states[state], atom) for state, n in form.states.items() for atom in _read(form, n)]
    for kind, reader, atom in links:
        edges[place[reader]].append((f"reads {kind}", place[atom]))
        edges[place[atom]].append((f"read as {kind}", place[reader]))
    return edges


def _read(form: Form, value: int) -> Iterator[int]:
    term = form.graph.terms[value]
    yield from term.operands if term.op == COMBINATION else (value,)
