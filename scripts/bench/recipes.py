"""Recipes of NAS-Bench-NLP: against a node-at-a-time interpreter, and against the time of their own multiply-adds.

The interpreter is what the repositories of neural architecture search do: at every step one product of an
`nn.Linear` for each operand of a linear, one torch function for every other node, and autograd behind it all.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from cellsearch.cell import INPUT, LINEAR, Cell, complexity
from cellsearch.cell.readers.nasbench_nlp import from_nasbench_nlp
from cellsearch.recurrence import RNN
from cellsearch.recurrence.reference import operation

from .measuring import (
    Figures,
    Row,
    Settings,
    Size,
    alternate,
    backend_of,
    compared,
    random_sequence,
    skip,
    training_step,
)
from .peak import TIMES_FORWARD

__all__ = ["Interpreter", "recipe_rows", "recipes_of"]

SIZE = (32, 64, 256, 256)
ROUNDS = 5
"""Of each recipe: there are many."""

MATRIX = 1536
"""Rows and columns of the product that tells the machine's rate."""

GOAL_MEDIAN, GOAL_SLOWEST, GOAL_MULTIPLY_ADDS = 1 / 3, 1.0, 2.0


class Interpreter(nn.Module):
    """A cell over a sequence, a node at a time; learns the same arrays as `RNN`, and begins with them."""

    def __init__(self, rnn: RNN) -> None:
        super().__init__()
        layer = rnn.layers[0]
        self.cell: Cell = layer.cell  # type: ignore[assignment]
        self.hidden_size = rnn.hidden_size
        self.linears = {node: _linears(learned) for node, learned in layer.learned().items()}  # type: ignore[operator]
        self.learned = nn.ModuleList(linear for linears in self.linears.values() for linear in linears)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs [T, B, H] and last states [B, H], from states of zeros."""
        states = tuple(x.new_zeros(x.shape[1], self.hidden_size) for _ in self.cell.states)
        outputs = []
        for x_t in x.unbind(0):
            values = {INPUT: x_t, **dict(zip(self.cell.states, states, strict=True))}
            for name in self.cell.order:
                values[name] = self._value(name, values)
            outputs.append(values[self.cell.output])
            states = tuple(values[following] for following in self.cell.states.values())
        return torch.stack(outputs), states

    def _value(self, name: str, values: dict[str, Tensor]) -> Tensor:
        node = self.cell.nodes[name]
        operands = [values[operand] for operand in node.operands]
        if node.op != LINEAR:
            return operation(node.op)(*operands, k=node.constant)
        products: list[Tensor] = [linear(operand) for linear, operand in zip(self.linears[name], operands, strict=True)]
        return sum(products[1:], products[0])


def _linears(learned: Mapping[str, Tensor]) -> list[nn.Linear]:
    """The modules of a linear node, one an operand, the first with the bias."""
    modules: list[nn.Linear] = []
    for weight in (array for name, array in learned.items() if name != "bias"):
        module = nn.Linear(weight.shape[1], weight.shape[0], bias=not modules)
        module.weight.data.copy_(weight)
        modules.append(module)
    modules[0].bias.data.copy_(learned["bias"])
    return modules


def recipe_rows(settings: Settings) -> Iterator[Row]:
    """A row a recipe, then the three that have goals."""
    if not settings.recipes.is_file():
        skip("recipes", f"{settings.recipes} is missing")
        return
    recipes = recipes_of(settings.recipes)[: settings.count(1000)]
    (size,) = settings.sizes(SIZE)
    for threads in settings.threads:
        torch.set_num_threads(threads)
        interpreted, by_products = [], []
        for name, cell in recipes:
            backend, interpreter, products = _measured(cell, size, settings)
            note = f"{products.ratio:.2f} of its multiply-adds"
            yield Row("recipes", name, backend, interpreter, size, threads, "interpreter", note=note)
            interpreted.append(interpreter)
            by_products.append(products)
        summaries = (
            ("median", "interpreter", _medians(interpreted), GOAL_MEDIAN),
            ("slowest", "interpreter", max(interpreted, key=lambda figures: figures.judged), GOAL_SLOWEST),
            ("median", "multiply-adds", _medians(by_products), GOAL_MULTIPLY_ADDS),
        )
        for what, peer_name, figures, goal in summaries:
            yield Row("recipes", f"{what} of {len(recipes)}", "", figures, size, threads, peer_name, goal)


def _measured(cell: Cell, size: Size, settings: Settings) -> tuple[str, Figures, Figures]:
    """The backend, and the time of a training step beside the interpreter's and beside that of its multiply-adds."""
    x, gradient = random_sequence(size)
    own = RNN(cell, size.I, size.H)
    rows = 64 if settings.quick else MATRIX
    square = torch.randn(rows, rows)
    works = {
        "interpreter": partial(training_step, Interpreter(own), x, gradient),
        "own": partial(training_step, own, x, gradient),
        "multiply-add": partial(_multiply_add, square, torch.empty_like(square)),
    }
    times = alternate(works, settings, rounds=min(ROUNDS, settings.rounds))
    multiply_adds = TIMES_FORWARD * size.T * size.B * complexity(cell, size.I, size.H).multiply_adds
    products = compared(times["own"], [multiply_adds * seconds for seconds in times["multiply-add"]])
    return backend_of(own, x), compared(times["own"], times["interpreter"]), products


def _medians(figures: list[Figures]) -> Figures:
    return Figures(*(statistics.median(values) for values in zip(*figures, strict=True)))


def _multiply_add(square: Tensor, out: Tensor) -> float:
    """Seconds that one multiply-add takes at the rate of a large matrix product."""
    begun = time.perf_counter()
    torch.mm(square, square, out=out)
    return (time.perf_counter() - begun) / len(square) ** 3


def recipes_of(path: Path) -> list[tuple[str, Cell]]:
    """The recipes of the file, each once, by number."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        found.setdefault(json.dumps(entry["recipe"]), str(entry["recipe_id"]))
    return [(f"recipe {number}", from_nasbench_nlp(json.loads(recipe))) for recipe, number in found.items()]
