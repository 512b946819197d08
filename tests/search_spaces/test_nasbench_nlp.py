"""The space of NAS-Bench-NLP keeps the published generator's rules, and holds the benchmark's own cells."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from cellsearch.cell import Cell, Node, from_equations
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch_search_spaces.nasbench_nlp import ACTIVATIONS, GRU, INTERMEDIATE, LSTM, SAMPLERS, SPACE, STATES, draw
from tests.helpers.project import ROOT

SAMPLE = ROOT.parent / "shared" / "data" / "nasbench_nlp_sample.jsonl"

OPS = {
    "linear": "linear",
    "blend": "blend",
    "elementwise_sum": "sum",
    "elementwise_prod": "product",
    "activation_tanh": "tanh",
    "activation_sigm": "sigmoid",
    "activation_leaky_relu": "leaky_relu",
}

DRAFTS = 300

REJECTED = {
    (1, 7): 0.41, (1, 14): 0.31, (1, 21): 0.25,
    (2, 7): 0.83, (2, 14): 0.75, (2, 21): 0.67,
    (3, 7): 0.97, (3, 14): 0.92, (3, 21): 0.87,
}  # fmt: skip


def test_there_is_a_sampler_of_each_published_size() -> None:
    assert set(SAMPLERS) == {(states, nodes) for states in (1, 2, 3) for nodes in (7, 14, 21)}


@pytest.mark.parametrize(("states", "intermediate"), SAMPLERS)
def test_a_draft_has_the_published_number_of_states_and_nodes_and_an_activation_after_every_linear(
    states: int, intermediate: int
) -> None:
    for draft in (draw(Random(number), states, intermediate) for number in range(DRAFTS)):
        if draft is not None:
            assert len(draft.states) == len(set(draft.states.values())) == states
            assert len(draft.nodes) - states in (intermediate, intermediate + 1)
            names = list(draft.nodes)
            for name, after in zip(names, [*names[1:], ""], strict=True):
                if draft.nodes[name].op == "linear":
                    assert draft.nodes[after].op in ACTIVATIONS and draft.nodes[after].operands == (name,)


@pytest.mark.parametrize("size", SAMPLERS, ids=str)
def test_as_many_drafts_are_rejected_as_the_docstring_says(size: tuple[int, int]) -> None:
    assert SAMPLERS[size].rejected(Random(0), DRAFTS) == pytest.approx(REJECTED[size], abs=0.08)


def test_the_operations_come_with_the_published_odds() -> None:
    drafts = [draft for number in range(DRAFTS) if (draft := draw(Random(number), 1, 21)) is not None]
    nodes = [node for draft in drafts for node in draft.nodes.values()]
    count = Counter(node.op for node in nodes)
    operands = Counter(len(node.operands) for node in nodes if node.op == "linear")
    for op in ("sum", "product", "blend"):
        assert count[op] / count["linear"] == pytest.approx(1 / 3, abs=0.05)
    for op in ACTIVATIONS:
        assert count[op] / count["linear"] == pytest.approx(1 / 3, abs=0.05)
    assert operands[3] / count["linear"] == pytest.approx(0.2 * 0.9, abs=0.05)  # at first there are only two values


def test_a_sample_is_valid_as_published() -> None:
    random = Random(0)
    for _ in range(200):
        cell = SPACE.sample(random)  # type: ignore[misc]
        assert len(cell.states) <= max(STATES) and len(cell.nodes) <= max(STATES) + max(INTERMEDIATE) + 1
        for following in cell.states.values():
            assert not set(cell.nodes[following].operands) & set(cell.states)
        for node in cell.nodes.values():
            if node.op == "linear":
                assert len(set(node.operands)) in (2, 3)
                assert all(o in cell.sources or cell.nodes[o].op in ACTIVATIONS for o in node.operands)
            elif node.op in ACTIVATIONS:
                assert cell.nodes[node.operands[0]].op == "linear"
            else:
                assert "x" not in node.operands


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the sample of the benchmark is not here")
def test_the_cells_of_the_benchmark_lie_in_the_space() -> None:
    recipes = [json.loads(line)["recipe"] for line in SAMPLE.read_text().splitlines()]
    cells = [cell for recipe in recipes if (cell := _cell(recipe)) is not None]
    assert len(cells) > 60
    assert all(SPACE.contains(cell) for cell in cells)


INSIDE = "a = tanh(linear(x, h))\nb = sigmoid(linear(x, h))\n"


@pytest.mark.parametrize(
    "equation",
    ["a * b", "tanh(linear(h, a)) + b", "linear(a, b, x)", "blend(a, b, a * b)", "linear(x, h) + (a * b + h)"],
)
def test_what_the_generator_makes_lies_inside(equation: str) -> None:
    assert SPACE.contains(from_equations("inside", f"{INSIDE}h_next = {equation} + a * b", ["h"], "h_next"))


@pytest.mark.parametrize(
    ("what", "equation"),
    [
        ("an activation of no linear", "tanh(a + b)"),
        ("a linear of a linear", "linear(x, linear(a, b))"),
        ("a linear of a sum", "linear(x, a + b)"),
        ("a linear of one operand", "linear(a) + b"),
        ("a linear of four operands", "linear(x, h, a, b)"),
        ("a raw input", "a + (b + x)"),
        ("the same operand twice", "a * a + b"),
        ("two activations of a linear", "tanh(a_linear) + (a + b)"),
        ("a state in a next value", "(a + b) * h"),
    ],
)
def test_what_the_generator_does_not_make_lies_outside(what: str, equation: str) -> None:
    assert not SPACE.contains(from_equations(what, f"{INSIDE}h_next = {equation}", ["h"], "h_next"))


def test_two_states_have_two_next_values() -> None:
    nodes = {"n": Node("linear", ("x", "h", "c")), "a": Node("tanh", ("n",)), "b": Node("linear", ("a", "x"))}
    assert SPACE.contains(Cell("two", nodes, {"h": "a", "c": "b"}, "b"))
    assert not SPACE.contains(Cell("one", nodes, {"h": "b", "c": "b"}, "b"))


def test_the_published_lstm_and_gru_are_seeds_though_the_generator_does_not_make_them() -> None:
    assert set(SPACE.seeds) == {"rnn", "nasbench_nlp_lstm", "nasbench_nlp_gru"}
    for cell in (LSTM, GRU):
        other = {name: replace(node, op="sigmoid") if node.op == "tanh" else node for name, node in cell.nodes.items()}
        assert SPACE.contains(cell) and not SPACE.contains(Cell("other", other, cell.states, cell.output))


def _cell(recipe: Mapping[str, Any]) -> Cell | None:
    """The cell of a published recipe; None if the output depends on no input or state."""
    nodes = {
        name: Node(OPS[node["op"]], tuple(each.replace("_prev_", "") for each in node["input"]))
        for name, node in recipe.items()
    }
    states = {name.replace("_new_", ""): name for name in recipe if re.fullmatch(r"h_new_\d", name)}
    try:
        return Draft(nodes, states, "h_new_0").cell("published")
    except CellError:
        return None
