"""The canonical form: one cell for all the ways to write the same cell.

Two cells are the same if they compute the same step, states and output, from the same learned arrays: rewritten by
`rules.py` and `learned_arrays.py`, then renamed and reordered. The arithmetic of a step (sums, differences, products,
constants, blends) is compared as a polynomial, whatever its brackets. Where training starts is part of a cell: an
initial bias counts, and no rule changes what a weight matrix is drawn from.

Not covered, so that such cells count as different: equations between functions (tanh as a sigmoid), weights whose
sign (see `family.py`), scale or product another weight could absorb, biases that could be joined across several sums
or out of a product, states that always hold the same. A cell whose polynomials would not fit, as that of ten highway
layers, keeps the sums that functions read or that leave the step as factors, so that a product of two such sums in
other brackets is another cell there; one that still does not fit is compared as it is written, up to names, order of
operands and states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Final

from cellsearch.cell.canonical.labelling import labelled
from cellsearch.cell.canonical.learned_arrays import JOINING, WITHIN_SUMS, Joining, joinable
from cellsearch.cell.canonical.rules import EXPANDING, RULES
from cellsearch.cell.canonical.signs import sign_choices
from cellsearch.cell.canonical.terms import (
    ANY_NUMBER,
    COMBINATION,
    Form,
    Origin,
    Rule,
    Term,
    TooLarge,
    ValueGraph,
    commutes,
    rebuilt,
    rounded,
)
from cellsearch.cell.canonical.to_cell import Canonical, to_cell
from cellsearch.cell.cell import Cell
from cellsearch.cell.ops import INPUT, LINEAR
from cellsearch.cell.validate import MOST_NODES

__all__ = ["Canonical", "canonical", "canonical_form", "canonical_text", "joined", "signed_form", "values_of"]

ARITHMETIC: Final = (COMBINATION, "product", "bias")
"""What a sum may be multiplied out through."""

MOST_SUMMANDS: Final = 64
"""Summands of a sum that has been multiplied out, at most."""

PASSES: Final = 2 * MOST_NODES
"""Times that joining rules are tried, at most: each pass that finds something leaves less to find."""


def canonical(cell: Cell) -> Cell:
    """The cell that all cells with the same identity become, named `canonical`; its own canonical form."""
    return canonical_form(cell).cell


def canonical_text(cell: Cell) -> str:
    """The canonical form as the text that identity hashes, equal for the same cell."""
    return _smallest(cell)[0]


def canonical_form(cell: Cell) -> Canonical:
    """The canonical cell with the origin of its learned arrays."""
    _, values, form = _smallest(cell)
    return to_cell(form, values)


def _smallest(cell: Cell) -> tuple[str, list[int], Form]:
    forms = sign_choices(lambda signs: signed_form(cell, signs))
    return min(((*_ordered(form), form) for form in forms), key=lambda ordered: ordered[0])


def signed_form(
    cell: Cell,
    signs: Mapping[str, int],
    within_sums: Sequence[Joining] = WITHIN_SUMS,
    joining: Sequence[Joining] = JOINING,
) -> Form:
    """The form multiplied out; if that is too large, but for sums that functions read; else as it is written.

    Linears are joined before products are multiplied out, which would square them; biases are drawn out after it, for
    one that is drawn out of a sum would hide the sum from its factor. `within_sums` and `joining` are the rules of
    either time.
    """
    try:
        added = joined(values_of(cell, RULES, signs), RULES, within_sums)
    except TooLarge:
        return values_of(cell, {}, {})
    for held in (_no_sums, _read_sums):
        try:
            multiplied_out = rebuilt(added, EXPANDING, {}, held(added))
            if _longest_sum(multiplied_out) > MOST_SUMMANDS:
                continue
            found = _shortened(joined(multiplied_out, EXPANDING, joining, held), held)
        except TooLarge:
            continue
        if _size(found) <= MOST_NODES:
            return found
    return values_of(cell, {}, {})


def _no_sums(form: Form) -> Set[int]:
    """No sum is held."""
    return frozenset()


def _read_sums(form: Form) -> Set[int]:
    """Sums that leave the step or that something else than arithmetic reads: held, they keep chains short."""
    terms = form.graph.terms
    read = {o for v in form.reachable if terms[v].op not in ARITHMETIC for o in terms[v].operands}
    sums = {v for v, term in enumerate(terms) if term.op == COMBINATION and len(term.operands) > 1}
    return sums & read.union(form.roots())


def values_of(cell: Cell, rules: Mapping[str, Sequence[Rule]], signs: Mapping[str, int]) -> Form:
    """The cell as values; without rules every node is one of its own, as those with learned arrays always are."""
    graph = ValueGraph(rules, signs)
    values = {INPUT: graph.settled(Term("input"))}
    # What is no linear reads the input in the cell's size, which may take a projection: another value than the input.
    inside = graph.settled(Term("identity", (values[INPUT],), (0.0, 1.0)))
    for state in cell.states:
        values[state] = graph.settled(Term("state", weights=((state, 0),)))
    for name in cell.order:
        node, row = cell.nodes[name], cell.nodes[name].row
        weights: Origin = ()
        if node.op == LINEAR:
            weights = tuple((name, place) for place in range(len(node.operands)))
        elif node.parameters() or not rules:
            weights = ((name, 0),)
        operands = tuple(inside if o == INPUT and not row.is_linear else values[o] for o in node.operands)
        numbers = (float(node.initial_bias) + 0.0, float(node.constant) + 0.0)
        biases: Origin = ((name, 1.0),) if "bias" in row.parameters else ()
        values[name] = graph.value(Term(node.op, operands, numbers, weights, biases))
    return Form(graph, {state: values[n] for state, n in cell.states.items()}, values[cell.output])


def joined(
    form: Form,
    rules: Mapping[str, Sequence[Rule]],
    joining: Sequence[Joining],
    held: Callable[[Form], Set[int]] = _no_sums,
) -> Form:
    """The form after the joining rules, each tried until none finds anything. Raises TooLarge if they do not end."""
    for _ in range(PASSES):
        instead = joinable(form, joining)
        if not instead:
            return form
        form = rebuilt(form, rules, instead, held(form))
    raise TooLarge


def _shortened(form: Form, held: Callable[[Form], Set[int]]) -> Form:
    """With numbers to 12 digits, for three times 1/6 may end in another digit than 1/2."""
    short = {k: rounded(k, 12) for k in {k for term in form.graph.terms for k in term.numbers}}
    if all(k == number for k, number in short.items()):
        return form
    graph = ValueGraph({}, form.graph.signs)
    graph.terms = [term._replace(numbers=tuple(short[k] for k in term.numbers)) for term in form.graph.terms]
    found = Form(graph, form.states, form.output)
    return rebuilt(found, EXPANDING, {}, held(found))


def _size(form: Form) -> int:
    """Nodes and states of the form as a cell, no less than it takes."""
    size = 4 + 4 * len(form.states)
    for value in form.reachable:
        term = form.graph.terms[value]
        if term.op == COMBINATION:
            size += 2 + sum(1 + (abs(k) != 1) for k in term.numbers[1:])
        else:
            size += max(1, len(term.operands) - 1) if term.op in ANY_NUMBER else 1
    return size


def _longest_sum(form: Form) -> int:
    terms = form.graph.terms
    return max((len(terms[v].operands) for v in form.reachable if terms[v].op == COMBINATION), default=0)


def _ordered(form: Form) -> tuple[str, list[int]]:
    """The form as text, and its values in canonical order, states that nothing reads among them."""
    graph = form.graph
    states = [value for value, term in enumerate(graph.terms) if term.op == "state"]
    values = [*states, *(value for value in form.reachable if graph.terms[value].op != "state")]
    place = {value: i for i, value in enumerate(values)}
    following = [(place[v], place[form.states[graph.terms[v].weights[0][0]]]) for v in states]
    edges: list[list[tuple[str, int]]] = [[] for _ in values]
    for i, value in enumerate(values):
        for kind, operand in _operands(graph.terms[value]):
            edges[i].append((f"reads {kind}", place[operand]))
            edges[place[operand]].append((f"read as {kind}", i))
    for state, n in following:
        edges[state].append(("next", n))
        edges[n].append(("next of", state))

    def text(ranks: Sequence[int]) -> str:
        lines = sorted((ranks[i], _line(graph.terms[value], ranks, place)) for i, value in enumerate(values))
        lines += sorted((ranks[state], f"next {ranks[n]}") for state, n in following)
        return "\n".join([*(f"{rank} {line}" for rank, line in lines), f"output {ranks[place[form.output]]}"])

    labels = [(graph.shape(value), value == form.output) for value in values]
    found, ranks = labelled(labels, edges, text)
    return found, sorted(values, key=lambda value: ranks[place[value]])


def _operands(term: Term) -> Iterator[tuple[str, int]]:
    """(kind, value) of each operand; operands of the same kind may change places."""
    if term.op == COMBINATION:
        yield from ((repr(k), operand) for k, operand in zip(term.numbers[1:], term.operands, strict=True))
    elif commutes(term.op):
        yield from (("any", operand) for operand in term.operands)
    else:
        yield from ((str(i), operand) for i, operand in enumerate(term.operands))


def _line(term: Term, ranks: Sequence[int], place: Mapping[int, int]) -> str:
    operands = [ranks[place[operand]] for operand in term.operands]
    if term.op == COMBINATION:
        factors = sorted(zip(operands, map(repr, term.numbers[1:]), strict=True))
        return f"{term.op} {term.numbers[0]!r} {factors}"
    return f"{term.op} {term.numbers} {sorted(operands) if commutes(term.op) else operands}"
