"""Recipes of NAS-Bench-NLP for the tests: the published sample, random ones, and what a recipe computes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from tests.helpers.project import ROOT

SAMPLE = ROOT.parent / "shared" / "data" / "nasbench_nlp_sample.jsonl"
MISSING = f"{SAMPLE} is missing: the folder `shared` beside the repository holds the benchmark's sample"

Recipe = dict[str, dict[str, Any]]

ARITY = {
    "linear": (1, 3),
    "elementwise_sum": (1, 4),
    "elementwise_prod": (1, 4),
    "blend": (3, 3),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}

ODD_NAMES = ("class", "0", "7th", "a b", "a_b", "_x", "h0", "h0_next", "h1_led_1", "é", "", "zero", "n" * 70, "n" * 69)


def sample() -> dict[str, Recipe]:
    """The recipes of the sample by id, each distinct recipe once."""
    if not SAMPLE.is_file():
        return {}
    found: dict[str, Recipe] = {}
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["recipe"] not in found.values():
            found[str(entry["recipe_id"])] = entry["recipe"]
    return found


def random_recipe(draw: random.Random) -> Recipe:
    """A valid recipe, in any order: repeated operands, dead nodes, unread states, states without the input and all."""
    states = draw.randint(1, 3)
    nodes: Recipe = {}
    names = draw.sample(ODD_NAMES, draw.randint(0, 6)) + [f"node_{i}" for i in range(draw.randint(states, 8))]
    draw.shuffle(names)
    following = dict(zip(draw.sample(names, states), (f"h_new_{i}" for i in range(states)), strict=True))
    for name in (following.get(name, name) for name in names):
        op = draw.choice(list(ARITY))
        values = ["x", *(f"h_prev_{i}" for i in range(states)), *nodes]
        nodes[name] = {"op": op, "input": [draw.choice(values) for _ in range(draw.randint(*ARITY[op]))]}
    return dict(draw.sample(list(nodes.items()), len(nodes)))


def live_linears(recipe: Recipe) -> list[str]:
    """The linears that the output depends on, in the recipe's order."""
    needed, new = set(), {"h_new_0"}
    while new:
        needed |= new
        following = {name.replace("prev", "new") for name in new if name.startswith("h_prev_")}
        new = following.union(*(recipe[name]["input"] for name in new if name in recipe)) - needed
    return [name for name, node in recipe.items() if node["op"] == "linear" and name in needed]


def run(
    recipe: Recipe, arrays: Mapping[str, Mapping[str, Tensor]], x: Tensor, states: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """What a recipe computes, as its benchmark's description has it: outputs [T, B, H] and the last states [B, H].

    `arrays` holds the weights and bias of each linear, x is [T, B, I].
    """
    outputs = []
    for x_t in x:
        values = {"x": x_t, **states}
        states = {
            name.replace("new", "prev"): _value(name, recipe, arrays, values)
            for name in recipe
            if name in ("h_new_0", "h_new_1", "h_new_2")
        }
        outputs.append(states["h_prev_0"])
    return torch.stack(outputs), dict(states)


def _value(name: str, recipe: Recipe, arrays: Mapping[str, Mapping[str, Tensor]], values: dict[str, Tensor]) -> Tensor:
    if name not in values:
        operands = [_value(operand, recipe, arrays, values) for operand in recipe[name]["input"]]
        values[name] = _applied(recipe[name]["op"], operands, arrays.get(name, {}))
    return values[name]


def _applied(op: str, operands: Sequence[Tensor], learned: Mapping[str, Tensor]) -> Tensor:
    if op == "linear":
        total = learned["bias"]
        for place, operand in enumerate(operands):
            total = total + operand @ learned[f"weight_{place}"].T
        return total
    if op in ("elementwise_sum", "elementwise_prod"):
        result = operands[0]
        for operand in operands[1:]:
            result = result + operand if op == "elementwise_sum" else result * operand
        return result
    if op == "blend":
        a, b, c = operands
        return a * b + (1 - a) * c
    return {"activation_tanh": torch.tanh, "activation_sigm": torch.sigmoid, "activation_leaky_relu": leaky_relu}[op](
        operands[0]
    )
