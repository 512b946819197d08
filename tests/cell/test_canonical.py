"""The canonical form: all ways to write a cell lead to one cell, which computes the same from the same weights."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice, permutations
from typing import Protocol

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import Tensor

from cellsearch.cell import LINEAR, Cell, Node, from_equations, identity
from cellsearch.cell.canonical import canonical, canonical_form
from cellsearch.cell.terms import Origin
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.rnn import Layer
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed, scrambled
from search_spaces.gated import GRU, SPACE

Learned = dict[str, dict[str, Tensor]]
STEPS, BATCH, INPUT_SIZE, HIDDEN_SIZE = 3, 16, 3, 4

PARTS = {
    "a": "tanh(linear(x, h))",
    "b": "sigmoid(linear(x))",
    "c": "relu(linear(h))",
    "l": "linear(x, h)",
    "q": "bias(a) + 1",
}
"""What the letters in the equations of these tests stand for."""


def cell_of(h_next: str) -> Cell:
    """A cell with state h, whose equation uses the input, the state and PARTS."""
    text = f"{h_next} {PARTS['q']}" if "q" in h_next else h_next
    used = [f"{letter} = {part}" for letter, part in PARTS.items() if re.search(rf"\b{letter}\b", text)]
    return from_equations("cell", "\n".join([*used, f"h_next = {h_next}"]), ["h"], "h_next")


SAME = [
    ("sigmoid(-1 * l)", "1 - sigmoid(l)"),
    ("hard_sigmoid(-1 * l)", "1 - hard_sigmoid(l)"),
    ("tanh(a - b)", "-1 * tanh(b - a)"),
    ("tanh(-1 * (-1 * l))", "tanh(l)"),
    ("sine(-1 * a)", "-1 * sine(a)"),
    ("tanh(1 - (1 - l))", "tanh(l)"),
    ("1 * tanh(l) + 0", "identity(tanh(identity(l)))"),
    ("(a + b) + c", "b + (c + a)"),
    ("(a * b) * c", "b * (c * a)"),
    ("a - (b - c)", "(a + c) - b"),
    ("a - (a - c) + (-1)", "a * 0 + c - 1 * (1 - 0 * a)"),
    ("2 * (a + b) - a", "a + 2 * b"),
    ("0.1 * a + b + 0.2 * a", "0.3 * a + b"),
    ("blend(b, a, c)", "b * a + (1 - b) * c"),
    ("blend(b, a, c)", "c + b * (a - c)"),
    ("blend(b, a, c)", "blend(1 - b, c, a)"),
    ("blend(b, a, a)", "identity(a) * 1"),
    ("(a + b) * c", "a * c + c * b"),
    ("(1 - a) * (1 - b)", "1 - a - b + a * b"),
    ("(a - b) * c", "-1 * (b - a) * c"),
    ("relu(2 * l)", "2 * relu(relu(l))"),
    ("relu(-1 * l)", "relu(l) - l"),
    ("softplus(-1 * l)", "softplus(l) - l"),
    ("gelu(-1 * l)", "gelu(l) - l"),
    ("silu(l)", "l * sigmoid(l)"),
    ("relu(b) + a", "b + a"),
    ("relu(leaky_relu(l))", "relu(l)"),
    ("scale(-1 * a)", "-1 * scale(a)"),
    ("maximum(a, maximum(b, a))", "maximum(b, a)"),
    ("layer_norm(l + 3)", "layer_norm(l)"),
    ("tanh(a) + tanh(a)", "2 * tanh(a)"),
    ("tanh(linear(x, bias=1) + linear(h, bias=0.5))", "tanh(linear(x, h, bias=1.5))"),
    ("tanh(linear(x, h) + linear(x))", "tanh(linear(x, x, h))"),
    ("h - linear(x) - linear(h)", "h - linear(x, h)"),
    ("(linear(x) + linear(h)) * h", "linear(h, x) * h"),
    ("tanh(bias(linear(x, h, bias=1), bias=1))", "tanh(linear(x, h, bias=2))"),
    ("tanh(bias(h) + linear(x))", "tanh(linear(x) + h)"),
    ("bias(h, bias=1) + block_linear(x, constant=2)", "h + block_linear(x, constant=2, bias=1)"),
    ("bias(a, bias=1) - bias(b, bias=3)", "bias(a - b, bias=-2)"),
    ("bias(linear(x) - linear(h))", "linear(x) - linear(h)"),
    ("linear(x, bias=1) - linear(h, bias=3)", "bias(linear(x), bias=-1) - bias(linear(h), bias=1)"),
    ("layer_norm(a, bias=1) + layer_norm(b)", "layer_norm(a) + layer_norm(b, bias=1)"),
    ("bias(layer_norm(l, bias=1), bias=1) * a", "layer_norm(l, bias=2) * a"),
]

DIFFERENT = [
    # Two draws of weights are wider than one.
    ("tanh(linear(x, h, h))", "tanh(linear(x, h))"),
    # Where training starts.
    ("tanh(linear(x, h, bias=1))", "tanh(linear(x, h))"),
    ("h + linear(x) + scale(h)", "h + linear(x) + peephole(h)"),
    # A weight would have to be negated, scaled, shifted, or be a product.
    ("h - linear(x)", "h + linear(x)"),
    ("tanh(linear(x, h) * 2)", "tanh(linear(x, h))"),
    ("linear(1 - a)", "linear(a)"),
    ("linear(-1 * a)", "linear(a)"),
    ("tanh(scale(linear(x, h)))", "tanh(linear(x, h))"),
    ("linear(linear(x, h))", "linear(x, h)"),
    ("linear(x) - linear(h)", "linear(x, h)"),
    # The projection of an input of another size.
    ("tanh(linear(identity(x), h))", "tanh(linear(x, h))"),
    # Weights shared or not.
    ("l * l", "l * linear(x, h)"),
    ("tanh(bias(a) + 1) * sigmoid(bias(a) + 1)", "tanh(q) * sigmoid(q)"),
    ("blend(b, a, c)", "blend(b, c, a)"),
    ("a + b", "a * b"),
    ("relu(-2 * l)", "-2 * relu(l)"),
    ("leaky_relu(-1 * l)", "-1 * leaky_relu(l)"),
    ("exp(-1 * l)", "-1 * exp(l)"),
    ("(a + b) * c", "a + b * c"),
    ("tanh(a + b)", "tanh(a) + tanh(b)"),
    ("maximum(a, b)", "minimum(a, b)"),
    ("2 * a", "a"),
    ("1 - a", "a + (-1)"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_written_in_two_ways(one: str, other: str) -> None:
    assert identity(cell_of(one)) == identity(cell_of(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_only_looks_the_same_differs(one: str, other: str) -> None:
    assert identity(cell_of(one)) != identity(cell_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tanh(linear(x, h) - linear(x, h))", "-1 * tanh(linear(x, h) - linear(x, h))"),
        ("tanh(f - g) + h * f", "h * f - tanh(g - f)"),
        ("tanh(f - g) + h * f", "h * g + tanh(g - f)"),
        ("sigmoid(f - g) * h", "h - sigmoid(g - f) * h"),
        ("tanh(f - g) * tanh(f - g) * tanh(g - f) + h", "h - tanh(f - g) * tanh(f - g) * tanh(f - g)"),
    ],
)
def test_a_sign_that_only_names_decide_is_the_same_either_way(one: str, other: str) -> None:
    assert identity(_of_twins(one)) == identity(_of_twins(other))
    assert identity(_of_twins("tanh(f - g) + h * f")) != identity(_of_twins("tanh(g - f) + h * f"))


def test_a_ring_of_differences_is_the_same_under_other_names() -> None:
    """Every second sign could be the other one, and no two choices look different at first."""
    nodes = {f"l{i}": Node(LINEAR, ("x", "h")) for i in range(7)}
    nodes |= {f"d{i}": Node("difference", (f"l{i}", f"l{(i + 1) % 7}")) for i in range(7)}
    nodes |= {f"t{i}": Node("tanh", (f"d{i}",)) for i in range(7)}
    nodes["s"] = Node(LINEAR, tuple(f"t{i}" for i in range(7)))
    ring = Cell("ring", nodes, {"h": "s"}, "s")
    assert len({identity(renamed(ring, random.Random(seed))) for seed in range(10)}) == 1


def _of_twins(h_next: str) -> Cell:
    """As `cell_of`, where f and g are alike."""
    twins = ["f = linear(x)", "g = linear(x)"] if "f" in re.findall(r"\w+", h_next) else []
    return from_equations("cell", "\n".join([*twins, f"h_next = {h_next}"]), ["h"], "h_next")


def test_a_gru_that_keeps_with_z_is_not_one_that_keeps_with_1_minus_z() -> None:
    """Not the same from the same weights, although a search over the weights' signs would find no difference."""
    nodes = {**GRU.nodes, "h_next": Node("blend", ("update_gate", "candidate", "h"))}
    swapped = Cell("gru", nodes, GRU.states, "h_next")
    assert identity(swapped) != identity(GRU)


def test_states_that_hold_the_same_stay_two_states() -> None:
    def cell(second: str, *states: str) -> Cell:
        nodes = {"n": Node(LINEAR, ("x", "h", second))}
        return Cell("cell", nodes, dict.fromkeys(states, "n"), "n")

    assert identity(cell("c", "h", "c")) != identity(cell("h", "h"))


def test_what_makes_no_difference_keeps_a_state_in_the_cell() -> None:
    """c - c is 0, and yet the step has a state c: it is another cell than one without."""
    nodes = {"l": Node(LINEAR, ("x", "h")), "c_next": Node(LINEAR, ("x", "c")), "zero": Node("difference", ("c", "c"))}
    idle = Cell("idle", {**nodes, "s": Node("sum", ("l", "zero"))}, {"h": "s", "c": "c_next"}, "s")
    without = Cell("without", {"l": nodes["l"]}, {"h": "l"}, "l")
    assert list(canonical(idle).states) == ["state_1", "state_2"]
    assert identity(canonical(idle)) == identity(idle) != identity(without)


@pytest.mark.parametrize("cell", SPACE.seeds.values(), ids=str)
def test_the_canonical_form_of_a_seed_is_its_own_and_computes_the_same(cell: Cell) -> None:
    assert canonical(canonical(cell)) == canonical(cell)
    assert_same_values(cell, canonical_form(cell))


def test_a_sum_of_linears_is_one_linear_in_the_canonical_form() -> None:
    split = cell_of("tanh(linear(x, bias=1) + (linear(h) + bias(h * x)))")
    (linear,) = [node for node in canonical(split).nodes.values() if node.op == LINEAR]
    assert (len(linear.operands), linear.initial_bias) == (2, 1.0)


def test_two_biases_of_the_same_value_stay_two_in_the_canonical_form() -> None:
    cell = cell_of("tanh(bias(a) + 1) * sigmoid(bias(a) + 1)")
    form = canonical(cell)
    assert [node.op for node in form.nodes.values()].count("bias") == 2
    assert identity(form) == identity(cell)
    assert_same_values(cell, canonical_form(cell))


def test_a_cell_that_rules_would_blow_up_is_compared_as_written() -> None:
    nodes = {"n0": Node(LINEAR, ("x", "h"))}
    for i in range(1, 400):
        nodes[f"n{i}"] = Node(("sum", "product")[i % 2], (f"n{i - 1}",) * 2)
    cell = Cell("large", nodes, {"h": "n399"}, "n399")
    assert canonical(canonical(cell)) == canonical(cell)
    assert len(canonical(cell).nodes) == 400


def test_scrambled_cells_have_the_same_identity_and_values() -> None:
    _check_scrambled(300, probed=10)


@pytest.mark.slow
def test_ten_thousand_scrambled_cells_have_the_same_identity_and_values() -> None:
    _check_scrambled(10_000, probed=3)


def test_no_two_of_many_cells_are_equal_with_unequal_identities_or_otherwise() -> None:
    _check_pairs(200)


@pytest.mark.slow
def test_no_two_of_ten_thousand_cells_are_equal_with_unequal_identities_or_otherwise() -> None:
    _check_pairs(10_000)


def _check_scrambled(count: int, probed: int) -> None:
    """Identities of so many cells, the values of one in `probed`."""
    different = []
    for seed, cell in enumerate(random_cells(count)):
        other = scrambled(cell, random.Random(seed), steps=10)
        form = canonical_form(cell)
        if identity(other.cell) != identity(cell) or identity(form.cell) != identity(cell):
            different.append(cell)
        assert canonical(form.cell) == form.cell
        if seed % probed == 0:
            assert_same_values(cell, other)
            assert_same_values(cell, form)
    assert different == []


def _check_pairs(count: int) -> None:
    alike: dict[str, list[Cell]] = defaultdict(list)
    tied: dict[str, dict[str, Cell]] = defaultdict(dict)
    for cell in random_cells(count, most_nodes=5, most_states=2):
        alike[identity(cell)].append(cell)
        tied[_fingerprint(cell)].setdefault(identity(cell), cell)
    for cells_of_one in alike.values():
        for other in cells_of_one[1:4]:
            _assert_same_by_canonical_weights(cells_of_one[0], other)
    for different in tied.values():
        for one, other in islice(_pairs(list(different.values())), 50):
            assert not _same_for_some_matching(one, other), (one.nodes, other.nodes)


def random_cells(count: int, most_nodes: int = 12, most_states: int = 3) -> list[Cell]:
    """The same cells every time."""
    found: list[Cell] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cells(most_nodes, most_states))
    def collect(cell: Cell) -> None:
        found.append(cell)

    collect()
    return found


class Rewritten(Protocol):
    """A cell and the origin of its learned arrays."""

    @property
    def cell(self) -> Cell: ...
    @property
    def weights(self) -> dict[str, Origin]: ...
    @property
    def biases(self) -> dict[str, Origin]: ...


def layer(cell: Cell, input_size: int = INPUT_SIZE) -> Layer:
    """A layer in float64 with every learned array moved from where it starts by a random one."""
    torch.manual_seed(0)
    made = Layer(cell, input_size, HIDDEN_SIZE).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return made


def values(made: Layer, states: Sequence[int] = (), nudge: float = 0.0) -> Tensor:
    """Outputs of a few steps, and the last states, each number sorted among them, as they have no order.

    All states begin with the same values, or those of the numbers in `states`. `nudge` moves inputs by that share.
    """
    torch.manual_seed(1)
    x = 2 * (1 + nudge) * torch.randn(STEPS, BATCH, made.input_size, dtype=torch.float64)
    first = (1 + nudge) * torch.randn(4, BATCH, HIDDEN_SIZE, dtype=torch.float64)
    with torch.no_grad():
        begin = tuple(first[number] for number in states or [0] * len(made.cell.states))
        output, last = REFERENCE.run(made.cell, made.learned(), x, begin)
    return torch.cat([output, torch.stack(last).sort(0).values])


def assert_same_values(cell: Cell, rewritten: Rewritten) -> None:
    original = layer(cell)
    other = layer(rewritten.cell)
    carry(original, other, rewritten)
    assert_equal_values(other, original)


def assert_equal_values(one: Layer, other: Layer) -> None:
    """Up to rounding, and as far as numbers do not explode: there a cell is sensitive to its inputs' last bit."""
    first, second = values(one), values(other)
    assert first.shape == second.shape
    sensitivity = sum((values(made, nudge=1e-14) - values(made)).abs() for made in (one, other))
    tolerance = 1e-9 * (1 + second.abs()) + 1000 * sensitivity
    differing = (first - second).abs() > tolerance
    assert not bool((differing.any(-1) & tame(first) & tame(second)).any())


def tame(result: Tensor) -> Tensor:
    """Of each step and sequence, whether no number has been large up to then."""
    return (result.abs() < 1e3).all(-1).long().cumprod(0).bool()


def carry(original: Layer, other: Layer, rewritten: Rewritten) -> None:
    """The learned arrays of the original into the layer of the rewritten cell."""
    source, target = original.learned(), other.learned()
    with torch.no_grad():
        for name, arrays in target.items():
            if name not in rewritten.weights:
                # The projection of the input, which no cell names.
                if "x_projected" in source:
                    for parameter, array in arrays.items():
                        array.copy_(source["x_projected"][parameter])
                continue
            for parameter, array in arrays.items():
                if parameter == "bias":
                    array.zero_()
                    for node, k in rewritten.biases[name]:
                        array.add_(source[node]["bias"], alpha=k)
                elif rewritten.cell.nodes[name].op == LINEAR:
                    node, place = rewritten.weights[name][int(parameter.removeprefix("weight_"))]
                    array.copy_(source[node][f"weight_{int(place)}"])
                else:
                    array.copy_(source[rewritten.weights[name][0][0]][parameter])


def _assert_same_by_canonical_weights(one: Cell, other: Cell) -> None:
    """Random weights for the canonical form, brought to both cells, whose biases are parts of the form's."""
    form = layer(canonical(one))
    layers = []
    for cell in (one, other):
        rewritten, made = canonical_form(cell), layer(cell)
        assert rewritten.cell == canonical(one)
        _bring(form, made, rewritten)
        layers.append(made)
    assert_equal_values(*layers)


def _bring(form: Layer, made: Layer, rewritten: Rewritten) -> None:
    source, target = form.learned(), made.learned()
    with torch.no_grad():
        for name, arrays in source.items():
            if name == "x_projected":
                for parameter, array in arrays.items():
                    if "x_projected" in target:
                        target["x_projected"][parameter].copy_(array)
                continue
            for parameter, array in arrays.items():
                if parameter == "bias":
                    if not rewritten.biases[name]:
                        continue
                    parts = [(target[node]["bias"], k) for node, k in rewritten.biases[name]]
                    rest = sum((k * bias for bias, k in parts[1:]), torch.zeros_like(array))
                    parts[0][0].copy_((array - rest) / parts[0][1])
                elif rewritten.cell.nodes[name].op == LINEAR:
                    node, place = rewritten.weights[name][int(parameter.removeprefix("weight_"))]
                    target[node][f"weight_{int(place)}"].copy_(array)
                else:
                    target[rewritten.weights[name][0][0]][parameter].copy_(array)


def _fingerprint(cell: Cell) -> str:
    """Equal for cells that are the same, whatever corresponds to what: weights of a shape are one."""
    made = _with_weights(cell, one_of_each_shape=True)
    result = values(made)
    return f"{len(cell.states)} {[round(float(number), 5) + 0.0 for number in result[tame(result)].flatten()]}"


def _pairs(listed: list[Cell]) -> list[tuple[Cell, Cell]]:
    return [(one, other) for i, one in enumerate(listed) for other in listed[:i]]


def _same_for_some_matching(one: Cell, other: Cell) -> bool:
    """Whether both compute the same with the arrays of one given to the other in some order.

    Biases that start alike are equal here, so that cells with unequal numbers of them could agree by chance.
    """
    biases = [[node.op for node in canonical(cell).nodes.values()].count("bias") for cell in (one, other)]
    if biases[0] != biases[1]:
        return False
    first, second = _with_weights(one), _with_weights(other)
    ours, theirs = _matchable(first), _matchable(second)
    if sorted(kind for kind, _ in ours) != sorted(kind for kind, _ in theirs):
        return False
    states = range(len(one.states))
    expected = values(first, states)
    if not bool(tame(expected).all()):
        return False
    arrays = [(kind, array.clone()) for kind, array in ours]
    for first_ones in permutations(arrays[:7]):
        order = (*first_ones, *arrays[7:])
        if [kind for kind, _ in order] == [kind for kind, _ in theirs]:
            for (_, array), (_, target) in zip(order, theirs, strict=True):
                target.copy_(array)
            for numbers in permutations(states):
                result = values(second, numbers)
                if torch.allclose(result, expected, rtol=1e-10, atol=1e-11):
                    return True
    return False


def _matchable(made: Layer) -> list[tuple[tuple[str, ...], Tensor]]:
    """The arrays that rules carry over as they are, with what they must have in common to be the same."""
    found = []
    for node, arrays in made.learned().items():
        op = "projection" if node == "x_projected" else made.cell.nodes[node].op
        for name, array in arrays.items():
            if not _is_added(made, node, name):
                start = made.cell.nodes[node].row.parameters.get(name, made.cell.nodes[node].initial_bias)
                found.append(((op, str(array.shape), str(start)), array.detach()))
    return found


def _is_added(made: Layer, node: str, name: str) -> bool:
    return name == "bias" and made.cell.nodes[node].op != "static_gate"


def _with_weights(cell: Cell, one_of_each_shape: bool = False) -> Layer:
    """A layer with random weights; biases that start alike are equal."""
    made = Layer(cell, INPUT_SIZE, HIDDEN_SIZE).double()
    draw = torch.Generator().manual_seed(3)
    vector = torch.rand(HIDDEN_SIZE, generator=draw, dtype=torch.float64)
    with torch.no_grad():
        for node, arrays in made.learned().items():
            for name, array in arrays.items():
                start = made.cell.nodes[node].initial_bias
                if _is_added(made, node, name):
                    array.copy_((0.731 * start + 0.377) * vector)
                    continue
                if one_of_each_shape:
                    draw.manual_seed(4)
                start = made.cell.nodes[node].row.parameters.get(name, 0.0) + start
                array.copy_(start + 0.5 * torch.randn(array.shape, generator=draw, dtype=torch.float64))
    return made
