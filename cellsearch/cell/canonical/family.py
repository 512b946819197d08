"""Families: cells that are the same once learned arrays may be negated, so that no search needs to try two of them.

h' = z * h + (1 - z) * n and h' = (1 - z) * h + z * n, with z = sigmoid(linear(x, h)), have identities of their own, for
from the same draw they start differently; but weights are drawn evenly around 0 and learned, and the weights of one are
those of the other negated. A family is the cells that become one another by the rules of identity and by negating

- the weights of a linear, with its bias, which then starts at the negative: bias=1 before a gate is bias=-1 before
  what it leaves over. So each linear may be negated, and each of its operands where the weights take the sign back;
- the learned vectors of peephole, bias and static_gate in the same way. Those that start at 1 keep their sign;
- states, which begin at 0, each with whatever it is next. The output keeps its sign.

In the form of `parity.py` every one of these changes nothing but signs. Which value may be negated, and which signs of
numbers, operands and states change with it, is a linear code over the field of two elements, as the switching classes
of signed graphs are (Zaslavsky 1982, Signed graphs): of all signs that negations lead to, the smallest are taken.
Labelling looks at the rest, and decides among names that only signs tell apart.

A cell whose polynomials do not fit (see `form.py`) may keep a family of its own beside its like.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from cellsearch.cell.canonical.labelling import labelled
from cellsearch.cell.canonical.parity import EVEN, ODD, form_in_parts
from cellsearch.cell.canonical.terms import COMBINATION, ZERO, Form, Term, commutes, opposites, rounded
from cellsearch.cell.cell import Cell, expect_cell
from cellsearch.cell.ops import BLOCK_LINEAR, LINEAR, LOW_RANK_LINEAR

__all__ = ["SignedForm", "family"]

LINEARS: Final = (LINEAR, BLOCK_LINEAR, LOW_RANK_LINEAR)
"""Of either sign whatever their operands have: each has weights of its own."""

GATES: Final = ("product", "peephole", f"{ODD}static_gate")
"""Negative where an odd number of operands and learned vectors is."""

ODD_FUNCTIONS: Final = (
    "tanh",
    "sine",
    "normalize",
    "rms_norm",
    "layer_norm",
    "mean",
    "group_mean",
    "reciprocal",
    "scale",
    "bias",
    f"{ODD}sigmoid",
    f"{ODD}hard_sigmoid",
)
"""Negative where the operand is, and the bias that they may add."""

NEGATABLE: Final = frozenset(("state", COMBINATION, *LINEARS, *GATES, *ODD_FUNCTIONS))


def family(cell: Cell) -> str:
    """A stable hash: 16 hexadecimal digits, equal for cells that differ only in signs of what they learn."""
    expect_cell(cell)
    return _family(cell)


@lru_cache(maxsize=4096)  # a search asks again for what it has seen
def _family(cell: Cell) -> str:
    return hashlib.sha256(SignedForm(form_in_parts(cell)).text.encode()).hexdigest()[:16]


class Sign(NamedTuple):
    """A sign of a form: of a number or operand of value `owner`, of a state's next value, or of the output.

    `by` are the values, by place, that change it when they are negated; where one is named twice, it does not.
    """

    owner: int
    other: int
    kind: str
    negative: bool
    by: tuple[int, ...]


@dataclass(frozen=True)
class SignedForm:
    """A form in parts as a graph without signs, and its signs. Values are named by their place in `values`."""

    form: Form

    @cached_property
    def text(self) -> str:
        """Equal for forms that negations make one."""
        return self._labelled[0]

    @property
    def ranks(self) -> Sequence[int]:
        """The canonical rank of each value."""
        return self._labelled[1]

    @cached_property
    def negated(self) -> frozenset[int]:
        """The places of the values that are to be negated to come to the canonical signs."""
        _, chosen = self._smallest(self.ranks)
        return frozenset(v for i, v in enumerate(self._flips) if chosen >> i & 1)

    @cached_property
    def values(self) -> list[int]:
        """The states and all that the step needs, but for negatives of others: these are read with a sign."""
        terms = self.form.graph.terms
        states = [value for value, term in enumerate(terms) if term.op == "state"]
        others = (value for value in self.form.reachable if terms[value].op != "state")
        return [*states, *(value for value in others if self.bare(value)[0] == value)]

    def bare(self, value: int) -> tuple[int, bool]:
        """A value without its sign: (a, True) of -a, and of a - b where b - a is there too."""
        return self._bare.get(value, (value, False))

    @cached_property
    def _bare(self) -> dict[int, tuple[int, bool]]:
        negatives = dict[int, int]()
        for value in self.form.reachable:
            term = self.form.graph.terms[value]
            if term.op == COMBINATION and term.numbers == (0.0, -1.0):
                negatives[value] = term.operands[0]
        return {value: (of, True) for value, of in {**opposites(self.form), **negatives}.items()}

    def reads(self, value: int) -> list[tuple[int, bool]]:
        """The places of a value's operands, and whether it reads their negatives."""
        found = (self.bare(operand) for operand in self.form.graph.terms[value].operands)
        return [(self._place[operand], negative) for operand, negative in found]

    @cached_property
    def _place(self) -> dict[int, int]:
        return {value: place for place, value in enumerate(self.values)}

    @cached_property
    def _terms(self) -> list[Term]:
        return [self.form.graph.terms[value] for value in self.values]

    @cached_property
    def _signs(self) -> list[Sign]:
        signs = [sign for place in range(len(self.values)) for sign in self._signs_of(place)]
        for state, term in enumerate(self._terms):
            if term.op == "state":
                value, negative = self.bare(self.form.states[term.weights[0][0]])
                signs.append(Sign(state, self._place[value], "next", negative, (state, self._place[value])))
        value, negative = self.bare(self.form.output)
        place = self._place[value]
        signs.append(Sign(place, place, "output", negative, (place,)))
        # 0 is its own negative.
        return [sign._replace(negative=False, by=()) if self._terms[sign.other] == ZERO else sign for sign in signs]

    def _signs_of(self, place: int) -> Iterator[Sign]:
        """The signs that tell how a value is computed."""
        term, reads = self._terms[place], self.reads(self.values[place])
        bias = term.numbers[0] if term.numbers else 0.0
        if term.op == COMBINATION:
            for k, (operand, negative) in zip(term.numbers[1:], reads, strict=True):
                yield Sign(place, operand, "factor", (k < 0) ^ negative, (place, operand))
        elif term.op in GATES:
            if term.op == "product" or bias:
                odd = sum(negative for _, negative in reads) % 2 == 1
                yield Sign(place, place, "product", (bias < 0) ^ odd, (place, *(operand for operand, _ in reads)))
            return
        elif term.op in ODD_FUNCTIONS:
            ((operand, negative),) = reads
            yield Sign(place, operand, "operand", negative, (place, operand))
        elif term.op not in LINEARS and not term.op.startswith(EVEN):
            for kind, operand, sign in _oriented(term, reads):
                if sign:
                    yield Sign(place, operand, kind, sign < 0, (operand,))
        if bias and term.op in NEGATABLE:
            yield Sign(place, place, "start", bias < 0, (place,))

    @cached_property
    def _edges(self) -> list[list[tuple[str, int]]]:
        """What each value reads, without signs."""
        return [list(self._edges_of(place)) for place in range(len(self.values))]

    def _edges_of(self, place: int) -> Iterator[tuple[str, int]]:
        term, reads = self._terms[place], self.reads(self.values[place])
        if term.op == COMBINATION:
            yield from ((_size(k), operand) for k, (operand, _) in zip(term.numbers[1:], reads, strict=True))
        elif term.op in NEGATABLE or term.op.startswith(EVEN):
            yield from (("any", operand) for operand, _ in reads)
        else:
            yield from ((kind, operand) for kind, operand, _ in _oriented(term, reads))

    def _label(self, place: int) -> str:
        """What is known of a value beside its operands, without signs."""
        term = self._terms[place]
        if term.op == COMBINATION:
            return f"{term.op} {_size(term.numbers[0])}"
        bias, *constant = term.numbers or (0.0,)
        return f"{term.op} {_size(bias) if term.op in NEGATABLE else bias} {constant}"

    @cached_property
    def _flips(self) -> dict[int, list[int]]:
        """The numbers of the signs that change with each value that may be negated."""
        flips: dict[int, list[int]] = {v: [] for v, term in enumerate(self._terms) if term.op in NEGATABLE}
        for number, sign in enumerate(self._signs):
            for value in set(sign.by) & flips.keys():
                if sign.by.count(value) % 2:
                    flips[value].append(number)
        return flips

    def _smallest(self, ranks: Sequence[int]) -> tuple[int, int]:
        """The smallest signs, in the order of ranks, and the numbers of the flips that lead to them, as bits."""
        ordered = sorted(
            range(len(self._signs)),
            key=lambda n: (ranks[(s := self._signs[n]).owner], ranks[s.other], s.kind),
            reverse=True,
        )
        own = len(self._flips)
        bit = {number: 1 << own + i for i, number in enumerate(ordered)}
        basis: list[int] = []
        for i, numbers in enumerate(self._flips.values()):
            reduced = _reduced(1 << i | sum(bit[n] for n in numbers), basis)
            if reduced >> own:
                basis.append(reduced)
        signs = _reduced(sum(bit[n] for n, sign in enumerate(self._signs) if sign.negative), basis)
        return signs >> own, signs & (1 << own) - 1

    @cached_property
    def _labelled(self) -> tuple[str, list[int]]:
        own = [self._label(place) for place in range(len(self.values))]
        edges: list[list[tuple[str, int]]] = [[] for _ in self.values]
        for sign in self._signs[-1 - sum(term.op == "state" for term in self._terms) : -1]:
            edges[sign.owner].append(("next", sign.other))
            edges[sign.other].append(("next of", sign.owner))
        for place, read in enumerate(self._edges):
            for kind, operand in read:
                edges[place].append((f"reads {kind}", operand))
                edges[operand].append((f"read as {kind}", place))
        output = self._signs[-1].owner

        def text(ranks: Sequence[int]) -> str:
            lines = [
                (ranks[v], own[v], sorted((kind, ranks[o]) for kind, o in edges[v] if not kind.startswith("read as")))
                for v in range(len(own))
            ]
            signs, _ = self._smallest(ranks)
            return "\n".join([*map(repr, sorted(lines)), f"output {ranks[output]}", f"signs {signs:b}"])

        return labelled([(label, place == output) for place, label in enumerate(own)], edges, text)


def _oriented(term: Term, reads: Sequence[tuple[int, bool]]) -> Iterator[tuple[str, int, int]]:
    """Operands of a function that is neither even nor odd: (kind, operand, sign), 0 for one that it has with both.

    Operands that may change places are counted by sign.
    """
    total: dict[tuple[str, int], int] = defaultdict(int)
    for place, (operand, negative) in enumerate(reads):
        total["any" if commutes(term.op) else str(place), operand] += -1 if negative else 1
    for (kind, operand), sign in total.items():
        count = sum(other == operand for other, _ in reads)
        yield f"{kind} {count} {abs(sign)}", operand, sign


def _reduced(bits: int, basis: Sequence[int]) -> int:
    """The smallest of all sums, without carry, of the bits and some of the basis, whose highest bits all differ."""
    for each in basis:
        bits = min(bits, bits ^ each)
    return bits


def _size(number: float) -> str:
    return repr(abs(rounded(number, 12)))
