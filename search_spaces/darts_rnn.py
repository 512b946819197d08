"""The space of DARTS' recurrent cells: 8 highway steps, each with one predecessor and one activation.

Liu, Simonyan & Yang (2019), DARTS: differentiable architecture search, ICLR. A step with predecessor s computes

    step = blend(sigmoid(linear(s)), activation(linear(s)), s)

The first predecessor is such a step from the input and the state, whose activation is tanh; the mean of the 8 steps is
the output and the next state. The published code has no biases, our linears do.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from cellsearch.cell import INPUT, LINEAR, Cell
from cellsearch.cell.draft import Draft
from cellsearch.cell.readers.darts import ACTIVATIONS, highway
from cellsearch.space import SearchSpace

from .zoo_searched import CELLS, DARTS_V1, DARTS_V2

__all__ = ["SPACE", "STEPS", "Genotype", "cell_of", "genotype"]

STEPS: Final = 8

Genotype = tuple[tuple[str, int], ...]
"""(activation, predecessor) of each step; predecessor 0 is the step from the input, predecessor n the n-th step."""


def cell_of(name: str, genes: Genotype) -> Cell:
    """The cell of a genotype, with state `h`."""
    return _draft(genes).cell(name)


def genotype(cell: Cell) -> Genotype | None:
    """The genotype of a cell, whatever its nodes are called; None if the cell is none of the space."""
    steps = [name for name in cell.order if cell.nodes[name].op == "blend"]
    if len(steps) != 1 + STEPS or set(cell.states.values()) != {cell.output} or len(cell.states) != 1:
        return None
    (state,) = cell.states
    read = [_activation(cell, steps[0], (INPUT, state), state)]
    place = {step: number for number, step in enumerate(steps)}
    before = [cell.nodes[step].operands[2] for step in steps]
    read += [_activation(cell, step, (o,), o) for step, o in zip(steps[1:], before[1:], strict=True) if o in place]
    activations = [activation for activation in read if activation]
    if len(activations) != len(steps) or activations[0] != "tanh" or not _is_mean(cell, steps[1:]):
        return None
    found = tuple((activation, place[o]) for activation, o in zip(activations[1:], before[1:], strict=True))
    # With as many nodes as it takes, no two steps share a linear or gate.
    return found if len(cell.nodes) == len(_draft(found).nodes) else None


def _draft(genes: Genotype) -> Draft:
    return highway([("tanh", 0), *genes], range(1, 1 + len(genes)))


def _is_mean(cell: Cell, steps: list[str]) -> bool:
    """Whether the output is the mean of the steps."""
    node = cell.nodes[cell.output]
    summands, terms = [], [*node.operands]
    while terms:
        term = terms.pop()
        if term in cell.nodes and cell.nodes[term].op == "sum":
            terms += cell.nodes[term].operands
        else:
            summands.append(term)
    return node.op == "times_constant" and node.constant == 1 / STEPS and sorted(summands) == sorted(steps)


def _activation(cell: Cell, step: str, read: tuple[str, ...], before: str) -> str | None:
    """The activation of a step that reads what it must; None if it is no such step."""
    gate, value, bypass = cell.nodes[step].operands
    activation = cell.nodes[value].op if value in cell.nodes else ""
    if activation == LINEAR:
        activation = "identity"
    elif activation in ACTIVATIONS:
        value = cell.nodes[value].operands[0]
    gated = gate in cell.nodes and cell.nodes[gate].op == "sigmoid" and _reads(cell, cell.nodes[gate].operands[0], read)
    return activation if gated and _reads(cell, value, read) and bypass == before else None


def _reads(cell: Cell, name: str, read: tuple[str, ...]) -> bool:
    node = cell.nodes.get(name)
    return node is not None and node.op == LINEAR and sorted(node.operands) == sorted(read)


def _sample(random: Random) -> Cell:
    """Uniform over the 8! * 4**8 genotypes, none rejected; genotypes that differ may make the same graph."""
    return cell_of("darts", tuple((random.choice(ACTIVATIONS), random.randrange(step)) for step in range(1, STEPS + 1)))


def _change_activation(draft: Draft, operations: Sequence[str], random: Random) -> str:
    step = random.randint(1, STEPS)
    return _change(draft, step, activation=random.choice(ACTIVATIONS))


def _change_predecessor(draft: Draft, operations: Sequence[str], random: Random) -> str:
    step = random.randint(2, STEPS)
    return _change(draft, step, before=random.randrange(step))


def _change(draft: Draft, step: int, activation: str | None = None, before: int | None = None) -> str:
    """Rebuild the draft with one gene changed; a cell from elsewhere has none and stays as it is."""
    genes = genotype(draft.cell("draft"))
    if genes is None:
        return "change nothing"
    old = genes[step - 1]
    new = (activation or old[0], old[1] if before is None else before)
    rebuilt = _draft((*genes[: step - 1], new, *genes[step:]))
    draft.nodes, draft.states, draft.output = rebuilt.nodes, rebuilt.states, rebuilt.output
    return f"change step {step} from {old[0]} after step {old[1]} to {new[0]} after step {new[1]}"


SPACE = SearchSpace(
    name="darts_rnn",
    seeds={cell.name: cell for cell in (DARTS_V1, DARTS_V2)},
    operations=(LINEAR, "sum", "blend", "times_constant", "sigmoid", "tanh", "relu"),
    most_nodes=5 * (1 + STEPS) + STEPS,
    most_states=1,
    sources={cell.name: CELLS[cell] for cell in (DARTS_V1, DARTS_V2)},
    edits={"change activation": _change_activation, "change predecessor": _change_predecessor},
    sample=_sample,
    admits=lambda cell: genotype(cell) is not None,
)
