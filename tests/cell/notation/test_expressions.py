"""The printed text is the cell: evaluated as it stands, it gives the reference's numbers."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from cellsearch.cell import Cell, equations, from_equations
from cellsearch.cell.functions import FUNCTIONS
from cellsearch.cell.notation.symbols import learned, symbols
from cellsearch.recurrence.reference import REFERENCE
from cellsearch.recurrence.rnn import Layer
from cellsearch.recurrence.structured import dense
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.exhaustive import many

SIZE = 3

TOKEN = re.compile(r"\s*([\d.]+(?:e[+-]?\d+)?(?![\w])|[^\W\d][\w\u0303]*'?|σ|.)")

READ = {"σ": "sigmoid", "max": "maximum", "min": "minimum", "where": "choose", "mean": "level"}


class Calculator:
    """Evaluates one expression: + and − bind loosest, then ⊙ and /, then what stands beside its operand."""

    def __init__(self, text: str, values: dict[str, Tensor]) -> None:
        self.tokens = [match[1] for match in TOKEN.finditer(text)]
        self.values = values

    def result(self) -> Tensor:
        value = self.sum()
        assert not self.tokens, self.tokens
        return value

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def sum(self) -> Tensor:
        total = -self.product() if self.take("−") else self.product()
        while sign := self.take("+", "−"):
            term = self.product()
            total = total + term if sign == "+" else total - term
        return total

    def product(self) -> Tensor:
        total = self.applied()
        while sign := self.take("⊙", "/"):
            factor = self.applied()
            total = total * factor if sign == "⊙" else total / factor
        return total

    def applied(self) -> Tensor:
        left = self.atom()
        if self.tokens and (self.tokens[0] == "(" or re.match(r"[\w]", self.tokens[0])):
            right = self.applied()
            return left @ right if left.dim() == 2 else left * right
        return left

    def atom(self) -> Tensor:
        token = self.tokens.pop(0)
        if token == "(":
            value = self.sum()
            assert self.take(")")
            return value
        function = READ.get(token, token)
        if function in FUNCTIONS and token not in self.values and self.take("("):
            arguments = {"a0": self.sum()}
            while self.take(","):
                arguments[f"a{len(arguments)}"] = self.sum()
            assert self.take(")")
            source = FUNCTIONS[function].torch.format(*arguments)
            result: Tensor = eval(source, {"math": math, "torch": torch, **arguments})
            return result
        if token[0].isdigit():
            return torch.tensor(float(token), dtype=torch.float64)
        return self.values[token]


def evaluated(cell: Cell, layer: Layer, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Output and next states by the printed text alone."""
    arrays = dense(layer.cell, layer.learned())
    values = {"x": x, **{str(symbols(cell)[s]): v for s, v in zip(cell.states, states, strict=True)}}
    for node, names in learned(cell).items():
        values |= dict(zip(names, (arrays[node][p] for p in cell.nodes[node].parameters()), strict=True))
    for line in equations(cell):
        target, _, text = line.partition(" = ")
        assert target not in values, target
        values[target] = Calculator(text, values).result()
    return (values["output"], *(values[f"{symbols(cell)[state]}'"] for state in cell.states))


def agrees(cell: Cell) -> None:
    layer = Layer(cell, SIZE, SIZE).double()
    torch.manual_seed(0)
    with torch.no_grad():
        for array in layer.parameters():
            array.uniform_(-1, 1)
        x, states = torch.randn(SIZE).double(), tuple(torch.randn(SIZE).double() for _ in cell.states)
        outputs, last = REFERENCE.run(cell, layer.learned(), x.view(1, 1, -1), tuple(s.view(1, -1) for s in states))
        expected = [outputs.flatten(), *(each.flatten() for each in last)]
        for found, each in zip(evaluated(cell, layer, x, states), expected, strict=True):
            torch.testing.assert_close(found.expand(SIZE), each, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(cells())
def test_the_text_of_a_random_cell_means_the_cell(cell: Cell) -> None:
    agrees(cell)


@pytest.mark.slow
@settings(max_examples=many(700, 2_000))
@given(cells(most_nodes=30))
def test_the_text_of_many_larger_cells_means_the_cell(cell: Cell) -> None:
    agrees(cell)


@pytest.mark.parametrize("cell", (SPACE.seeds | ZOO.seeds).values(), ids=lambda cell: cell.name)
def test_the_text_of_a_seed_means_the_seed(cell: Cell) -> None:
    agrees(cell)


@pytest.mark.parametrize("name", ["output", "W_h", "b_h", "v1", "f", "tanh", "max", "h_tanh", "sigmoid_2"])
def test_no_name_of_a_node_is_mistaken_for_another_symbol(name: str) -> None:
    text = f"""
        {name} = sigmoid(linear(x, h, c))
        c_next = {name} * c + tanh(linear(x, h)) * sigmoid(linear(x))
        h_next = tanh(linear({name}, {name})) + relu(c_next * tanh(linear(x, h)))
    """
    agrees(from_equations("named", text, states=["h", "c"], output=name))
    agrees(from_equations("named", text, states=["h", "c"], output="h_next"))


def test_the_calculator_reads_as_a_person_does() -> None:
    values = {"a": torch.tensor([2.0]), "b": torch.tensor([3.0]), "M": torch.tensor([[5.0]])}
    wanted: dict[str, float] = {
        "a − b − a": -3,
        "a − (b − a)": 1,
        "−a ⊙ b + 1": -5,
        "M a ⊙ b": 30,
        "0.5 (a + b)": 2.5,
        "M (a ⊙ b) / a": 15,
        "M 0.5 M b": 37.5,
        "max(a, b) − min(a, −b)": 6,
    }
    for text, result in wanted.items():
        assert Calculator(text, values).result().item() == pytest.approx(result)
