"""NAS-Bench-NLP: every recipe imports as a cell that computes what an independent interpreter of recipes computes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cellsearch.cell import Cell, from_equations, from_json, identity, to_json
from cellsearch.cell.readers.nasbench_nlp import OPERATIONS, from_nasbench_nlp
from cellsearch.errors import CellError
from cellsearch.recurrence import RNN
from cellsearch_search_spaces import nasbench_nlp
from tests.helpers.cell.recipes import MISSING, Recipe, live_linears, random_recipe, run, sample
from tests.helpers.exported import twin

RECIPES = sample()
needs_sample = pytest.mark.skipif(not RECIPES, reason=MISSING)
each_recipe = pytest.mark.parametrize("recipe_id", RECIPES or [pytest.param("", marks=needs_sample)])

B, T = 3, 5

RNN_RECIPE: Recipe = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}


@needs_sample
def test_the_sample_has_sixty_distinct_recipes() -> None:
    assert len(RECIPES) == 60


@each_recipe
def test_a_published_recipe_computes_what_its_description_says(recipe_id: str) -> None:
    _assert_same(RECIPES[recipe_id], input_size=4, hidden_size=6)


@each_recipe
def test_a_published_recipe_trains_a_step(recipe_id: str) -> None:
    torch.manual_seed(0)
    net = torch.nn.ModuleList([RNN(from_nasbench_nlp(RECIPES[recipe_id]), 4, 6), torch.nn.Linear(6, 1)]).double()
    x, wanted = torch.randn(T, B, 4, dtype=torch.float64), torch.randn(T, B, 1, dtype=torch.float64)

    def loss() -> Tensor:
        return (net[1](net[0](x)[0]) - wanted).square().mean()

    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    before = loss()
    before.backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())
    optimizer.step()
    assert loss() < before


@each_recipe
def test_a_published_recipe_is_exported(recipe_id: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    rnn = RNN(from_nasbench_nlp(RECIPES[recipe_id], f"nasbench_nlp_{recipe_id}"), 4, 6, dtype=torch.float64)
    x = torch.randn(T, B, 4, dtype=torch.float64)
    torch.testing.assert_close(twin(rnn, tmp_path)(x), rnn(x), rtol=1e-12, atol=1e-12)


@needs_sample
def test_the_published_cells_are_the_seeds_of_the_space() -> None:
    for seed, recipe_id in zip(nasbench_nlp.SPACE.seeds.values(), ("1000000", "1000001", "1000002"), strict=True):
        assert identity(from_nasbench_nlp(RECIPES[recipe_id])) == identity(seed)


@pytest.mark.parametrize("seed", range(100))
def test_any_recipe_computes_what_its_description_says(seed: int) -> None:
    recipe = random_recipe(random.Random(seed))
    cell = _assert_same(recipe, input_size=4, hidden_size=4)
    assert from_json(to_json(cell)) == cell


@pytest.mark.parametrize("seed", range(300))
def test_whatever_the_published_generator_draws_imports(seed: int) -> None:
    """By the generator's rules, which `search_spaces.nasbench_nlp` has; a few of its cells ignore their input."""
    draw = random.Random(seed)
    draft = None
    while draft is None:
        draft = nasbench_nlp.draw(draw, draw.choice((1, 2, 3)), draw.choice((7, 14, 21)))
    names = {state: f"h_prev_{state[1:]}" for state in draft.states}
    names |= {following: f"h_new_{state[1:]}" for state, following in draft.states.items()}
    theirs = {ours: theirs for theirs, ours in OPERATIONS.items()}
    recipe = {
        names.get(name, name): {"op": theirs[node.op], "input": [names.get(o, o) for o in node.operands]}
        for name, node in draft.nodes.items()
    }
    cell = from_nasbench_nlp(dict(draw.sample(list(recipe.items()), len(recipe))))
    assert {f"h{i}" for i in range(3)} >= cell.states.keys()


def test_nodes_keep_their_names_and_states_are_numbered() -> None:
    cell = from_nasbench_nlp(RNN_RECIPE, "mine")
    assert cell == from_equations("mine", "f = linear(x, h0)\nh0_next = tanh(f)", ["h0"], "h0_next")
    assert from_nasbench_nlp(RNN_RECIPE, "mine") == cell


def test_names_that_are_no_identifiers_are_replaced_by_similar_ones() -> None:
    recipe = {
        "a b": {"op": "linear", "input": ["x", "h_prev_0"]},
        "a_b": {"op": "activation_tanh", "input": ["a b"]},
        "class": {"op": "activation_tanh", "input": ["a_b"]},
        "7": {"op": "activation_tanh", "input": ["class"]},
        "": {"op": "activation_tanh", "input": ["7"]},
        "h_new_0": {"op": "activation_tanh", "input": [""]},
    }
    assert list(from_nasbench_nlp(recipe).nodes) == ["a_b_2", "a_b", "node_class", "node_7", "node_", "h0_next"]


def test_a_sum_of_several_values_is_a_chain_and_of_one_value_is_that_value() -> None:
    recipe = RNN_RECIPE | {
        "many": {"op": "elementwise_sum", "input": ["f", "h_prev_0", "f", "f"]},
        "one": {"op": "elementwise_prod", "input": ["many"]},
        "h_new_0": {"op": "activation_tanh", "input": ["one"]},
    }
    expected = from_equations(
        "c", "f = linear(x, h)\none = f + h + f + f\nh_next = tanh(identity(one))", ["h"], "h_next"
    )
    assert identity(from_nasbench_nlp(recipe)) == identity(expected)
    assert len(from_nasbench_nlp(recipe).nodes) == 6


def test_a_state_that_nothing_reads_is_dropped_with_what_only_it_needs() -> None:
    recipe = RNN_RECIPE | {
        "only": {"op": "linear", "input": ["x", "h_prev_2"]},
        "h_new_1": {"op": "activation_sigm", "input": ["only"]},
        "h_new_2": {"op": "activation_sigm", "input": ["f"]},
    }
    assert from_nasbench_nlp(recipe) == from_nasbench_nlp(RNN_RECIPE)


def test_a_state_that_passes_another_on_keeps_it() -> None:
    recipe = RNN_RECIPE | {
        "f": {"op": "linear", "input": ["x", "h_prev_1"]},
        "h_new_1": {"op": "elementwise_sum", "input": ["h_prev_0"]},
    }
    cell = from_nasbench_nlp(recipe)
    assert cell.nodes["h1_next"].op == "identity"
    assert cell.states == {"h0": "h0_next", "h1": "h1_next"}


def test_a_cell_that_ignores_its_input_imports() -> None:
    recipe = {
        "f": {"op": "linear", "input": ["h_prev_0"]},
        "h_new_0": {"op": "activation_tanh", "input": ["f"]},
    }
    _assert_same(recipe, input_size=4, hidden_size=4)
    _assert_same(recipe, input_size=4, hidden_size=6)


def test_a_cell_without_memory_imports() -> None:
    recipe = {
        "f": {"op": "linear", "input": ["x"]},
        "h_new_0": {"op": "activation_tanh", "input": ["f"]},
        "h_new_1": {"op": "blend", "input": ["f", "h_prev_0", "h_prev_1"]},
    }
    assert list(_assert_same(recipe, input_size=4, hidden_size=6).states) == ["h0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"f": 1}, "node 'f' must be an object, got 1"),
        ({"f": {"op": "linear"}}, "node 'f' has no 'input'; add it"),
        ({"f": {"op": "linear", "input": ["x"], "bias": 1}}, "node 'f' has unknown 'bias'; remove it"),
        ({"f": {"op": "relu", "input": ["x"]}}, "'op' of node 'f' must be one of linear, elementwise_sum, "),
        ({"f": {"op": ["x"], "input": ["x"]}}, "'op' of node 'f' must be one of linear"),
        ({"f": {"op": "linear", "input": "x"}}, "'input' of node 'f' must be a list of names, got 'x'"),
        ({"f": {"op": "linear", "input": [0]}}, "'input' of node 'f' must be a list of names, got [0]"),
        ({"f": {"op": "linear", "input": []}}, "'input' of node 'f' must be 1 or more operands of linear, got []"),
        ({"f": {"op": "elementwise_sum", "input": []}}, "must be 1 or more operands of elementwise_sum, got []"),
        ({"f": {"op": "blend", "input": ["x"]}}, "'input' of node 'f' must be 3 operands of blend, got ['x']"),
        ({"f": {"op": "linear", "input": ["x"] * 65}}, "'input' of node 'f' must be at most 64 names, got 65"),
        ({"f": {"op": "linear", "input": ["g"]}}, "node 'f' reads 'g', which does not exist; use 'x', 'h_prev_0', "),
        ({"f": {"op": "linear", "input": ["h_prev_3"]}}, "node 'f' reads 'h_prev_3', which does not exist"),
        ({"dead": {"op": "linear", "input": ["h_prev_1"]}}, "node 'dead' reads 'h_prev_1', which has no next value"),
        ({"x": {"op": "linear", "input": ["h_prev_0"]}}, "'x' is the name of a source; rename the node"),
        ({"h_prev_1": {"op": "linear", "input": ["x"]}}, "'h_prev_1' is the name of a source; rename the node"),
        ({"f": {"op": "linear", "input": ["h_new_0"]}}, "nodes 'h_new_0' -> 'f' -> 'h_new_0' form a cycle"),
        ({"dead": {"op": "linear", "input": ["dead"]}}, "nodes 'dead' -> 'dead' form a cycle"),
    ],
)
def test_what_is_no_recipe_is_refused_by_the_name_of_its_node(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CellError) as raised:
        from_nasbench_nlp(RNN_RECIPE | change)
    assert str(raised.value).startswith("recipe 'nasbench_nlp'")
    assert message in str(raised.value)


def test_a_recipe_without_output_or_of_no_mapping_or_too_large_is_refused() -> None:
    with pytest.raises(CellError, match="has no node 'h_new_0', which is the output"):
        from_nasbench_nlp({"f": {"op": "linear", "input": ["x"]}, "h_new_1": {"op": "blend", "input": ["f"] * 3}})
    with pytest.raises(CellError, match="it must be an object, got \\[\\]"):
        from_nasbench_nlp([])  # type: ignore[arg-type]
    with pytest.raises(CellError, match="has 600 nodes; 512 is the limit"):
        from_nasbench_nlp({f"n{i}": {"op": "linear", "input": ["x"]} for i in range(600)})


def _assert_same(recipe: Recipe, input_size: int, hidden_size: int) -> Cell:
    """Import, and compare outputs and last states with the interpreter's in float64."""
    torch.manual_seed(0)
    cell = from_nasbench_nlp(recipe)
    rnn = RNN(cell, input_size, hidden_size, dtype=torch.float64)
    learned = rnn.layers[0].learned()
    ours = [name for name, node in cell.nodes.items() if node.op == "linear"]
    arrays = {theirs: learned[mine] for theirs, mine in zip(live_linears(recipe), ours, strict=True)}
    # What is dropped has no weights of ours, and must not matter.
    for name in recipe.keys() - arrays.keys():
        size = {"x": input_size}
        weights = [torch.randn(hidden_size, size.get(o, hidden_size)).double() for o in recipe[name]["input"]]
        arrays[name] = {f"weight_{i}": w for i, w in enumerate(weights)} | {"bias": torch.randn(hidden_size).double()}
    x = torch.randn(T, B, input_size, dtype=torch.float64)
    states = {f"h_prev_{i}": torch.randn(B, hidden_size, dtype=torch.float64) for i in range(3)}
    outputs, last = run(recipe, arrays, x, states)
    initial = [states[f"h_prev_{state[1:]}"][None] for state in cell.states]
    output, following = rnn(x, initial[0] if len(initial) == 1 else tuple(initial))
    _assert_close(output, outputs)
    for state, value in zip(cell.states, [following] if isinstance(following, Tensor) else following, strict=True):
        _assert_close(value[0], last[f"h_prev_{state[1:]}"])
    return cell


def _assert_close(ours: Tensor, theirs: Tensor) -> None:
    scale = max(1.0, float(theirs.detach().abs().max()))
    assert float((ours - theirs).detach().abs().max()) <= 1e-12 * scale
