"""Whether two cells are the same, found out by numbers alone: nothing here knows how `identity` decides it.

Two cells are the same if the learned arrays of one can be given to the other so that both compute the same step.
Weights are given as they are, each to one of its kind. Learned biases that are added may be added up in other ways,
as long as they start alike: each of one cell's is a sum of multiples of the other's.

A cell is taken as a function of its weights, its states and one number for each such bias, in float64:

x: [B, I]; states and next values: [B, H]; values: [1 + states, B, H], the output first
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from itertools import permutations, product
from math import factorial, prod

import torch
from torch import Tensor

from cellsearch.cell import LINEAR, Cell
from cellsearch.cell.complexity import parameter_shapes
from cellsearch.recurrence.reference import REFERENCE

__all__ = ["Probe", "alike", "same"]

INPUT_SIZE, HIDDEN_SIZE = 5, 6
SIZES = (0.1, 0.3, 0.5, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0)
"""Of the inputs and states of each row: small ones for what explodes, large ones for what is flat around zero."""

NUDGE = 1e-14
STEP = 1e-6
"""Between sums that differ by more than rounding, at least."""

TAME = 1e-9
"""Of what is summed: far from what large matrices make of rounding, so that no value is tame in one spelling alone."""

MOST_MATCHINGS = 20_000
PROJECTION = "x_projected"

Unit = tuple[str, str]
"""What is given as a whole: (node, name) of one matrix of a linear, (node, "") all others of a node's arrays."""

Numbers = Mapping[Unit, int]


@dataclass(frozen=True)
class Values:
    """Values, and how far they move when the inputs do by their last digits: where these explode, by far."""

    of: Tensor
    error: Tensor

    def near(self, other: Values, digits: float = 1e-9) -> bool:
        """Whether both are the same up to rounding."""
        bound = digits * (1 + other.of.abs()) + 1000 * (self.error + other.error)
        return not bool(((self.of - other.of).abs() > bound).any())

    def tame(self, digits: float) -> Tensor:
        """Which values explode nowhere: inputs' last digits leave them so many."""
        return self.error < digits * (1 + self.of.detach().abs())

    def summed(self) -> float:
        """One number of the tame values, in which states have no order."""
        sums = torch.where(self.tame(TAME), torch.asinh(self.of), 0) * _drawn("sum", self.of.shape[1:])
        return float(sums[0].sum() + 2 * sums[1:].sum())


class Probe:
    """A cell as a function of numbers; another `draw` has other inputs and states."""

    def __init__(self, cell: Cell, draw: int = 0) -> None:
        self.draw = draw
        self.cell = cell.resolved(INPUT_SIZE, HIDDEN_SIZE)
        self.states = tuple(range(len(cell.states)))
        self.biases: list[str] = []
        self.units: dict[Unit, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
        for node, name, shape in parameter_shapes(self.cell, INPUT_SIZE, HIDDEN_SIZE):
            op = self.cell.nodes[node].op
            if name == "bias" and op != "static_gate" and node != PROJECTION:
                self.biases.append(node)
            else:
                self.units[node, name if op == LINEAR and node != PROJECTION else ""].append((name, shape))

    def kind(self, unit: Unit) -> str:
        """What two units must have in common to be given to each other."""
        node = unit[0]
        return f"{PROJECTION if node == PROJECTION else self.cell.nodes[node].op} {[s for _, s in self.units[unit]]}"

    def values(self, weights: Numbers, states: Sequence[int], biases: Tensor | None = None) -> Values:
        """The step's values, where each unit has the arrays of a number, 0 if none is said, and each state likewise.

        `biases` says how far each is from where it starts. Next values are in the order of the states' numbers.
        """
        learned: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for unit, arrays in self.units.items():
            node = self.cell.nodes[unit[0]]
            for place, (name, shape) in enumerate(arrays):
                start = node.initial_bias if name == "bias" else node.row.parameters.get(name, 0.0)
                learned[unit[0]][name] = start + _drawn(f"{place} {weights.get(unit, 0)}", shape)
        for i, name in enumerate(self.biases):
            bias = self.cell.nodes[name].initial_bias * _drawn("start", (HIDDEN_SIZE,))
            learned[name]["bias"] = bias if biases is None else bias + biases[i] * _drawn("moved", (HIDDEN_SIZE,))
        begin = tuple(_rows(f"state {number} {self.draw}", HIDDEN_SIZE) for number in states)
        output, last = REFERENCE.run(self.cell, learned, _rows(f"x {self.draw}", INPUT_SIZE)[None], begin)
        order = sorted(range(len(states)), key=states.__getitem__)
        found, nudged = torch.stack([output[0], *(last[i] for i in order)]).tensor_split(2, 1)
        return Values(found, (found - nudged).detach().abs().nan_to_num(torch.inf, torch.inf))

    @cached_property
    def effects(self) -> Mapping[Unit, float]:
        """What each unit changes, of those that change anything: alike in cells that are the same."""
        apart = {unit: number for number, unit in enumerate(self.units, 1)}
        generic = self.values(apart, self.states)
        live = [unit for unit in self.units if not self.values({**apart, unit: 0}, self.states).near(generic)]
        return {unit: self.values({unit: 1}, self._alike).summed() - self._base for unit in live}

    @cached_property
    def summary(self) -> tuple[float, ...]:
        """Numbers that differ by no more than rounding for cells that are the same."""
        return (len(self.states), len(self.effects), self._base, sum(map(abs, self.effects.values())))

    @cached_property
    def _base(self) -> float:
        return self.values({}, self._alike).summed()

    @property
    def _alike(self) -> list[int]:
        return [0] * len(self.states)


def alike(probes: Iterable[Probe]) -> list[list[Probe]]:
    """The probes in groups: those of cells that are the same are in one."""
    groups = [list(probes)]
    for place in range(4):
        groups = [part for group in groups for part in _split(group, place)]
    return groups


def _split(group: list[Probe], place: int) -> Iterator[list[Probe]]:
    """Cut where a number of the summaries makes a step."""
    group = sorted(group, key=lambda probe: probe.summary[place])
    begin = 0
    for end in range(1, len(group) + 1):
        if end == len(group) or group[end].summary[place] - group[end - 1].summary[place] > STEP:
            yield group[begin:end]
            begin = end


def same(one: Probe, other: Probe) -> bool:
    """Whether some way to give the arrays and states of one cell to the other makes both compute the same."""
    if len(one.states) != len(other.states):
        return False
    ours = {unit: number for number, unit in enumerate(one.effects, 1)}
    return any(
        one.values(ours, one.states).near(other.values(theirs, states))
        and _same_biases(one, ours, one.states, other, theirs, states)
        and _same_biases(other, theirs, states, one, ours, one.states)
        for theirs in _matchings(one, other, ours)
        for states in permutations(one.states)
    )


def _matchings(one: Probe, other: Probe, ours: Numbers) -> Iterator[Numbers]:
    """All ways to give the arrays of one cell's units to units of the other's that they have the same effect in."""
    pairs = []
    for mine, theirs in zip(_classes(one), _classes(other), strict=False):
        if len(mine) != len(theirs) or not _near(one, mine[0], other, theirs[0]):
            return
        pairs.append((mine, theirs))
    if sum(len(theirs) for _, theirs in pairs) != len(other.effects) or len(ours) != len(other.effects):
        return
    count = prod(factorial(len(mine)) for mine, _ in pairs)
    assert count <= MOST_MATCHINGS, f"{count} ways to match {one.cell.nodes} with {other.cell.nodes}"
    for orders in product(*(permutations(mine) for mine, _ in pairs)):
        yield {
            t: ours[m]
            for (_, theirs), mine in zip(pairs, orders, strict=True)
            for t, m in zip(theirs, mine, strict=True)
        }


def _classes(probe: Probe) -> list[list[Unit]]:
    """Units of the same kind and effect."""
    classes: list[list[Unit]] = []
    for unit in sorted(probe.effects, key=lambda unit: (probe.kind(unit), probe.effects[unit])):
        if classes and _near(probe, classes[-1][-1], probe, unit):
            classes[-1].append(unit)
        else:
            classes.append([unit])
    return classes


def _near(one: Probe, mine: Unit, other: Probe, theirs: Unit) -> bool:
    return one.kind(mine) == other.kind(theirs) and abs(one.effects[mine] - other.effects[theirs]) < STEP


def _same_biases(
    one: Probe, ours: Numbers, states: Sequence[int], other: Probe, theirs: Numbers, others: Sequence[int]
) -> bool:
    """Whether whatever the biases of one cell do, sums of multiples of them do in the other."""
    if not one.biases:
        return True
    slopes = _slopes(one, ours, states), _slopes(other, theirs, others)
    usable = torch.cat(slopes, 1).isfinite().all(1)
    moved = torch.linalg.pinv(slopes[1][usable], rtol=1e-10) @ slopes[0][usable]
    biases = _drawn("biases", (len(one.biases),))
    return one.values(ours, states, biases).near(other.values(theirs, others, moved @ biases), 1e-7)


def _slopes(probe: Probe, weights: Numbers, states: Sequence[int]) -> Tensor:
    """How the values change with each bias: [values, biases], of those that explode nan."""
    biases = torch.zeros(len(probe.biases), dtype=torch.float64, requires_grad=True)
    values = probe.values(weights, states, biases)
    scale = torch.where(values.tame(1e-12), 1 / (1 + values.of.detach().abs()), torch.nan)
    if not probe.biases:
        return torch.zeros(scale.numel(), 0, dtype=torch.float64)
    # The slopes are what the gradient of the biases, which is linear in that of the values, changes with the latter.
    along = torch.zeros_like(scale, requires_grad=True)
    (back,) = torch.autograd.grad(values.of, biases, along, create_graph=True)
    slopes = [torch.autograd.grad(each, along, retain_graph=True, materialize_grads=True)[0] * scale for each in back]
    return torch.stack(slopes, -1).reshape(-1, len(slopes))


def _rows(name: str, size: int) -> Tensor:
    """Random rows of SIZES, and the same once more with other last digits."""
    rows = torch.tensor(SIZES, dtype=torch.float64)[:, None] * _drawn(name, (len(SIZES), size))
    return torch.cat([rows, rows * (1 + NUDGE * _drawn(f"{name} nudged", rows.shape))])


@cache
def _drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    """Random numbers, the same for the same name and shape."""
    generator = torch.Generator().manual_seed(
        int.from_bytes(blake2b(f"{name} {tuple(shape)}".encode(), digest_size=6).digest(), "big")
    )
    return torch.randn(shape, generator=generator, dtype=torch.float64)
