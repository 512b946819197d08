"""Distance: a metric between cells, the cheapest of all alignments where it is exact, and quick either way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations, count, pairwise, permutations
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import OPS, Cell, Node, from_equations, identity
from cellsearch.cell.canonical.form import canonical
from cellsearch.cell.difference.distance import Distance, distance
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import scrambled
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.work import calls

LONG = 60.0
"""Seconds that are enough for any proof here."""

SMALL = [cell for cell in ZOO.seeds.values() if len(cell.nodes) <= 20]


ALL = SearchSpace("all", {}, tuple(OPS), most_nodes=20, most_states=3)


def one(equations: str) -> Cell:
    """A cell with state `h` whose output is `h_next`."""
    return from_equations("one", equations, states=["h"], output="h_next")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("h_next = tanh(linear(x, h))", "h_next = tanh(linear(h, x))", 0),
        ("h_next = tanh(linear(x, h))", "h_next = sigmoid(linear(x, h))", 1),  # an operation
        ("h_next = tanh(linear(x, h))", "h_next = tanh(linear(x, h, bias=1))", 0.5),  # a number
        ("h_next = tanh(linear(x, h))", "h_next = tanh(linear(x, h, h))", 0.5),  # an edge more
        ("h_next = tanh(linear(x, h, x))", "h_next = tanh(linear(x, h, h))", 1),  # an edge moved
        ("h_next = tanh(linear(x, h))", "h_next = sine(tanh(linear(x, h)))", 3.5),  # a node, its edge; two edges move
        ("h_next = tanh(x) - tanh(linear(h))", "h_next = tanh(linear(h)) - tanh(x)", 1),  # another order
    ],
)
def test_known_distances(first: str, second: str, expected: float) -> None:
    assert distance(one(first), one(second)) == Distance(expected, exact=True)


def test_a_distance_says_whether_it_is_exact() -> None:
    assert str(distance(LSTM, GRU, LONG)) == "11.5"
    assert str(distance(LSTM, GRU, seconds=0)).startswith("at most 1")
    assert [distance(RNN, cell, LONG).exact for cell in (LSTM, GRU)] == [True, True]


@settings(max_examples=50)
@given(cells(most_nodes=8), st.integers(0, 2**32))
def test_the_same_cell_in_another_spelling_is_at_distance_zero(cell: Cell, number: int) -> None:
    other = scrambled(cell, Random(number)).cell
    assume(identity(cell) == identity(other))
    assert distance(cell, other) == Distance(0, exact=True)
    assert distance(cell, other, seconds=0) == Distance(0, exact=True)


@settings(max_examples=50)
@given(cells(most_nodes=8, most_states=2), cells(most_nodes=8, most_states=2))
def test_distance_is_symmetric_and_zero_for_the_same_cell_only(first: Cell, second: Cell) -> None:
    there, back = distance(first, second, LONG), distance(second, first, LONG)
    assert there == back
    assert there.exact
    assert (there.value == 0) == (identity(first) == identity(second))
    bound = distance(first, second, seconds=0)
    assert bound == distance(second, first, seconds=0)
    assert bound.value >= there.value


@settings(max_examples=40)
@given(*[cells(most_nodes=6, most_states=2)] * 3)
def test_a_detour_is_never_shorter(first: Cell, second: Cell, third: Cell) -> None:
    one, other, direct = (distance(*pair, LONG) for pair in ((first, second), (second, third), (first, third)))
    assert one.exact and other.exact and direct.exact
    assert direct.value <= one.value + other.value


@settings(max_examples=50)
@given(cells(most_nodes=6, most_states=2), st.integers(0, 2**32))
def test_detours_over_a_neighbour_are_never_shorter(cell: Cell, number: int) -> None:
    """Neighbours are where a triangle is tight."""
    assume(ALL.contains(cell))
    random = Random(number)
    first, _ = mutate(cell, ALL, random)
    second, _ = mutate(cell, ALL, random)
    assume(max(len(canonical(each).nodes) for each in (cell, first, second)) <= 9)
    legs = distance(cell, first, LONG).value + distance(cell, second, LONG).value
    assert distance(first, second, LONG).value <= legs


@settings(max_examples=50)
@given(cells(most_nodes=4, most_states=2), cells(most_nodes=4, most_states=2))
def test_an_exact_distance_is_that_of_the_cheapest_alignment(first: Cell, second: Cell) -> None:
    one, other = canonical(first), canonical(second)
    assume(max(len(one.nodes), len(other.nodes)) <= 5)
    expected = min(written_out(one, other, partners) for partners in every_alignment(one, other))
    assert distance(first, second, LONG) == Distance(expected, exact=True)


def test_an_exact_distance_is_the_cheapest_between_wanderers() -> None:
    """Cells some edits from the RNN, alike enough for cheap alignments that are not the obvious ones."""
    random = Random(0)
    wanderers = [wandered(RNN, random) for _ in range(60)]
    pairs = [pair for pair in pairwise(wanderers) if max(map(_size, pair)) <= 6]
    assert len(pairs) > 15
    for first, second in pairs:
        one, other = sorted((canonical(first), canonical(second)), key=lambda cell: len(cell.nodes))
        expected = min(written_out(one, other, partners) for partners in full_alignments(one, other))
        assert distance(first, second, LONG) == Distance(expected, exact=True)


def wandered(cell: Cell, random: Random) -> Cell:
    for _ in range(8):
        cell, _ = mutate(cell, SPACE, random)
    return cell


def _size(cell: Cell) -> int:
    return len(canonical(cell).nodes)


@pytest.mark.parametrize(
    ("node", "new", "expected"),
    [
        ("h_tanh", Node("relu", ("c_next",)), 1),
        ("forget_gate_linear", Node("linear", ("x", "h")), 0.5),
        ("output_gate_linear", Node("linear", ("x", "h", "c_next")), 0.5),
        ("c_product", Node("product", ("forget_gate", "h")), 2),  # the edge, and the state that nothing reads any more
    ],
)
def test_a_mutant_is_as_near_as_its_mutation(node: str, new: Node, expected: float) -> None:
    states = {state: following for state, following in LSTM.states.items() if state == "h" or node != "c_product"}
    mutant = Cell("mutant", {**LSTM.nodes, node: new}, states, LSTM.output)
    assert distance(LSTM, mutant, LONG) == Distance(expected, exact=True)


@pytest.mark.parametrize("seconds", [0, 20])
def test_the_search_stops_when_its_time_is_over(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that a look at it moves on by a second: it looks once a step, and takes no step more."""
    big = max(ZOO.seeds.values(), key=lambda cell: len(cell.nodes))
    clock = count()
    monkeypatch.setattr("cellsearch.cell.difference.distance.perf_counter", lambda: next(clock))
    assert not distance(big, ZOO.seeds["darts_v2"], seconds).exact
    assert next(clock) == seconds + 2


def test_a_step_of_the_search_is_little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is what runs between two looks at the clock."""
    big = max(ZOO.seeds.values(), key=lambda cell: len(cell.nodes))

    def work(seconds: int) -> int:
        clock = count()
        monkeypatch.setattr("cellsearch.cell.difference.distance.perf_counter", lambda: next(clock))
        return calls(lambda: distance(big, ZOO.seeds["darts_v2"], seconds))

    assert (work(30) - work(10)) / 20 < 250_000  # 100,000, some 10 ms on an idle core


def test_the_bound_is_little_work() -> None:
    """23,000 calls, 5 ms on an idle core, for two cells of at most 20 nodes."""
    pairs = [Random(number).sample(SMALL, 2) for number in range(40)]
    assert sum(calls(lambda: distance(*pair, seconds=0)) for pair in pairs) / len(pairs) < 60_000  # noqa: B023


def every_alignment(first: Cell, second: Cell) -> Iterator[dict[str, str]]:
    """All ways to give nodes nodes and states states as partners, also those that leave some without."""
    for states in _injections(list(first.states), list(second.states)):
        for nodes in _injections(list(first.nodes), list(second.nodes)):
            yield {"x": "x", "output": "output", **states, **nodes}


def full_alignments(first: Cell, second: Cell) -> Iterator[dict[str, str]]:
    """Those that leave none of the first's nodes without partner, which has no more of them than the second."""
    for states in _injections(list(first.states), list(second.states)):
        for way in permutations(second.nodes, len(first.nodes)):
            yield {"x": "x", "output": "output", **states, **dict(zip(first.nodes, way, strict=True))}


def _injections(names: list[str], others: list[str]) -> Iterator[dict[str, str]]:
    for size in range(min(len(names), len(others)) + 1):
        for chosen in combinations(names, size):
            yield from (dict(zip(chosen, way, strict=True)) for way in permutations(others, size))


def written_out(first: Cell, second: Cell, partner: Mapping[str, str]) -> float:
    """The cost of an alignment, word by word as the docstring of `distance.py` has it."""
    cost = 0.0
    for kind, price in (("nodes", 1), ("states", 0.5)):
        mine, theirs = getattr(first, kind), getattr(second, kind)
        paired = sum(name in partner for name in mine)
        cost += price * (len(mine) - paired + len(theirs) - paired)
    for name, node in first.nodes.items():
        if name in partner:
            cost += _node_cost(node, second.nodes[partner[name]], [partner.get(operand) for operand in node.operands])
    mapped = Counter((partner.get(start), partner.get(end)) for start, end in _edges(first))
    theirs = Counter(_edges(second))
    return cost + 0.5 * ((mapped - theirs).total() + (theirs - mapped).total())


def _node_cost(mine: Node, theirs: Node, operands: list[str | None]) -> float:
    cost = (mine.op != theirs.op) + 0.5 * (mine.initial_bias != theirs.initial_bias)
    cost += 0.5 * (mine.constant != theirs.constant)
    if mine.op == theirs.op and not mine.row.commutes:
        shared = (Counter(operands) & Counter(theirs.operands)).total()
        cost += shared > sum(a == b for a, b in zip(operands, theirs.operands, strict=True))
    return cost


def _edges(cell: Cell) -> list[tuple[str | None, str | None]]:
    edges: list[tuple[str | None, str | None]] = [
        (operand, name) for name, node in cell.nodes.items() for operand in node.operands
    ]
    edges += [(following, state) for state, following in cell.states.items()]
    return [*edges, (cell.output, "output")]
