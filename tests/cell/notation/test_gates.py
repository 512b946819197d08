"""Gates are told by what they multiply: names do not matter, and a sigmoid in two places has none."""

from __future__ import annotations

import pytest
from hypothesis import given

from cellsearch.cell import Cell, from_equations
from cellsearch.cell.notation.gates import roles
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, RNN

MGU = from_equations(
    "mgu",
    """
    gate = sigmoid(linear(x, h))
    h_next = (1 - gate) * h + gate * tanh(linear(x, gate * h))
    """,
    states=["h"],
    output="h_next",
)

COUPLED = from_equations(
    "coupled",
    """
    keep = sigmoid(linear(x, h))
    c_next = keep * c + (1 - keep) * tanh(linear(x, h))
    h_next = sigmoid(linear(x, h)) * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)


def renamed(cell: Cell) -> Cell:
    """The cell with n1, n2, ... for the names of its nodes."""
    number = {name: f"n{i}" for i, name in enumerate(cell.nodes, start=1)}
    nodes = {
        number[name]: type(node)(node.op, tuple(number.get(o, o) for o in node.operands), node.initial_bias)
        for name, node in cell.nodes.items()
    }
    return Cell(cell.name, nodes, {s: number[n] for s, n in cell.states.items()}, number[cell.output])


def kinds(cell: Cell) -> set[str]:
    return {str(role) for role in roles(cell).values()}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (RNN, set()),
        (LSTM, {"forget gate of c", "input gate of c", "output gate", "candidate of c"}),
        (GRU, {"update gate of h", "reset gate of h", "candidate of h"}),
        (MGU, {"forget and reset gate of h", "candidate of h"}),
        (COUPLED, {"forget gate of c", "output gate", "candidate of c"}),
    ],
    ids=lambda each: each.name if isinstance(each, Cell) else "",
)
def test_gates_are_recognised_whatever_they_are_called(cell: Cell, expected: set[str]) -> None:
    assert kinds(cell) == kinds(renamed(cell)) == expected


def test_each_gate_of_the_lstm_is_the_node_that_its_seed_calls_so() -> None:
    assert {name: role.kind for name, role in roles(LSTM).items()} == {
        "forget_gate": "forget",
        "input_gate": "input",
        "candidate": "candidate",
        "output_gate": "output",
    }


@pytest.mark.parametrize(
    ("text", "states", "expected"),
    [
        # The blend, spelled out in four ways.
        ("h_next = blend(g, h, tanh(linear(x, h)))", "h", {"g": "update gate of h"}),
        ("h_next = (1 - g) * h + g * tanh(linear(x, h))", "h", {"g": "update gate of h"}),
        ("n = tanh(linear(x, h))\nh_next = n + g * (h - n)", "h", {"g": "update gate of h"}),
        ("n = tanh(linear(x, h))\nh_next = h - g * (h - n)", "h", {"g": "update gate of h"}),
        ("h_next = identity(h) * g + tanh(linear(x))", "h", {"g": "forget gate of h"}),
        ("h_next = h - tanh(linear(x)) * g", "h", {"g": "input gate of h"}),
        ("i = 1 - g\nc_next = g * c + i * tanh(linear(x))\nh_next = tanh(c_next)", "hc", {"g": "forget gate of c"}),
        ("c_next = (1 - g) * c + g * tanh(linear(x))\nh_next = tanh(c_next)", "hc", {"g": "input gate of c"}),
        ("h_next = g * tanh(linear(x, h))", "h", {"g": "output gate"}),
        # The reset before and after the product, and through a normalisation.
        ("h_next = blend(sigmoid(linear(x)), h, tanh(linear(x, g * h)))", "h", {"g": "reset gate of h"}),
        ("h_next = blend(sigmoid(linear(x)), h, tanh(linear(x) + g * linear(h)))", "h", {"g": "reset gate of h"}),
        ("h_next = blend(sigmoid(linear(x)), h, tanh(x + g * normalize(linear(h))))", "h", {"g": "reset gate of h"}),
        # Ambiguous or shared.
        ("h_next = g * h + g * tanh(linear(x))", "h", {}),
        ("h_next = g * h + sigmoid(linear(x)) * h + tanh(linear(x))", "h", {}),
        ("c_next = g * c + tanh(linear(x))\nh_next = g * tanh(c_next)", "hc", {}),
        ("c_next = g * c + tanh(linear(x))\nh_next = g * h + tanh(linear(c_next))", "hc", {}),
        ("h_next = g * sigmoid(linear(x, h)) * tanh(linear(x))", "h", {}),
        ("h_next = g * x + tanh(linear(x, h))", "h", {}),
        ("h_next = tanh(g * h + linear(x))", "h", {}),
    ],
)
def test_a_gate_is_what_it_multiplies(text: str, states: str, expected: dict[str, str]) -> None:
    if states == "hc":
        text = text.replace("tanh(linear(x))", "tanh(linear(x, h))", 1)
    cell = from_equations("one", "g = sigmoid(linear(x, h))\n" + text, states=list(states), output="h_next")
    assert {name: str(role) for name, role in roles(cell).items() if name == "g"} == expected


@given(cells())
def test_every_role_names_a_node_and_a_state(cell: Cell) -> None:
    for name, role in roles(cell).items():
        assert name in cell.nodes
        assert role.state is None or role.state in cell.states
        assert role.kind == "candidate" or cell.nodes[name].op == "sigmoid"


@pytest.mark.parametrize("op", ["sum", "product", "difference"])
def test_a_chain_that_doubles_at_every_node_is_no_trouble(op: str) -> None:
    text = "n0 = linear(x, h)\n" + "\n".join(f"n{i} = {op}(n{i - 1}, n{i - 1})" for i in range(1, 500))
    assert roles(from_equations("chain", text + "\nh_next = identity(n499)", states=["h"], output="h_next")) == {}
