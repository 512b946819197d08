"""A space that is small enough to be known whole: one candidate, one memory, and gates that are there or not.

Every cell of it computes, from the input x, the output before h, and its memory,

    candidate = activation(linear(x, h)), with h as `reset` leaves it
    memory_next = keep * memory + write * candidate
    h_next = output * squash(memory_next)

and a gene for each choice says what stands there. The plain RNN, LSTMs, the GRU in both forms, the minimal gated unit
and many of their published variants are among its cells. Gates that keep start with a bias of 1 (Jozefowicz et al.
2015), all others with one of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from random import Random
from typing import Final

from cellsearch.cell import INPUT, LINEAR, Cell, Node, identity
from cellsearch.cell.draft import Draft
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.space.edits import Edit

__all__ = ["GENES", "KNOWN", "SPACE", "Genotype", "cell_of", "cells", "genotype"]

ALL, NOTHING, GATE, INPUT_GATE, REST = "all", "nothing", "gate", "input gate", "rest"

GATES: Final = (GATE, INPUT_GATE)
"""A gate of x and h, and one of x alone."""

GENES: Final[Mapping[str, tuple[str, ...]]] = {
    "memory": ("h", "c"),
    "keep": (NOTHING, ALL, *GATES),
    "write": (ALL, *GATES, REST),
    "reset": (ALL, NOTHING, "before", "after", "keep", "write"),
    "activation": ("tanh", "relu", "identity"),
    "output": (ALL, *GATES),
    "squash": ("identity", "tanh"),
}
"""What each gene may be. The memory is the output before, or a state `c` of its own; `rest` writes what is not kept;
the candidate reads all of h, nothing of it, or h times a gate: one of its own, before or after the product with the
weights, or before it the gate that keeps or writes."""

Genotype = tuple[str, ...]
"""A choice for each of GENES, in their order."""

KNOWN: Final[Mapping[str, Genotype]] = {
    "plain": ("h", NOTHING, ALL, ALL, "tanh", ALL, "identity"),
    "lstm": ("c", GATE, GATE, ALL, "tanh", GATE, "tanh"),
    "gru": ("h", GATE, REST, "after", "tanh", ALL, "identity"),
    "gru_reset_before": ("h", GATE, REST, "before", "tanh", ALL, "identity"),
    "minimal_gated_unit": ("h", GATE, REST, "write", "tanh", ALL, "identity"),
}
"""Published cells by name, but for the bias that their gates start with and for the sign of the last one's gate."""


def cell_of(name: str, genes: Genotype) -> Cell:
    """The cell of a genotype. Raises CellError if a gene has no such choice, or needs a gate that is not there."""
    for gene, choice in zip(GENES, genes, strict=True):
        if choice not in GENES[gene]:
            raise CellError(f"gene {gene} is {choice!r}; use {', '.join(GENES[gene])}")
    return _draft(dict(zip(GENES, genes, strict=True))).cell(name)


def genotype(cell: Cell) -> Genotype | None:
    """The genotype of a cell, however it is written; None if it is none of the space.

    It is read at once where the nodes are called as here; otherwise all cells are gone through, once a process.
    """
    genes = _read(cell)
    try:
        made = cell_of(cell.name, genes)
        if (made.nodes, made.states, made.output) == (cell.nodes, cell.states, cell.output):
            return genes
    except CellError:
        pass
    return _by_identity().get(identity(cell))


def cells() -> Iterator[Cell]:
    """Every cell of the space once, named by the first genotype that makes it: a few seconds."""
    return (cell_of("-".join(genes).replace(" ", "_"), genes) for genes in _by_identity().values())


@cache
def _by_identity() -> Mapping[str, Genotype]:
    found = dict[str, Genotype]()
    for genes in product(*GENES.values()):
        try:
            found.setdefault(identity(cell_of("any", genes)), genes)
        except CellError:
            continue
    return found


def _draft(has: Mapping[str, str]) -> Draft:
    if has["keep"] not in GATES and (has["write"] == REST or has["reset"] == "keep"):
        raise CellError(f"gene keep is {has['keep']!r}, which is no gate to write or reset by; let it be a gate")
    if has["write"] == ALL and has["reset"] == "write":
        raise CellError("gene write is 'all', which is no gate to reset by; let it be a gate")
    nodes = _Nodes()
    for name in ("keep", "write", "output"):
        nodes.gate(name, has[name])
    if has["write"] == REST:
        nodes.add("write", "one_minus", "keep")
    candidate = _candidate(nodes, has)
    memory = _next_memory(nodes, has, candidate)
    squashed = nodes.add("squashed", "tanh", memory) if has["squash"] == "tanh" else memory
    output = nodes.add("h_next", "product", "output", squashed) if has["output"] in GATES else squashed
    states = {"h": output, "c": memory} if has["memory"] == "c" and has["keep"] != NOTHING else {"h": output}
    return Draft(nodes, states, output)


class _Nodes(dict[str, Node]):
    """Nodes by name, each of which is named as it is added."""

    def add(self, name: str, op: str, *operands: str, bias: float = 0.0) -> str:
        self[name] = Node(op, operands, initial_bias=bias)
        return name

    def gate(self, name: str, kind: str) -> None:
        if kind in GATES:
            read = (INPUT, "h") if kind == GATE else (INPUT,)
            self.add(f"{name}_linear", LINEAR, *read, bias=1.0 if name == "keep" else 0.0)
            self.add(name, "sigmoid", f"{name}_linear")


def _candidate(nodes: _Nodes, has: Mapping[str, str]) -> str:
    """What may be written into the memory."""
    reset = has["reset"]
    if reset in ("before", "after"):
        nodes.gate("reset", GATE)
    if reset == "after":
        of_state = nodes.add("reset_state", "product", "reset", nodes.add("state_linear", LINEAR, "h"))
        mixed = nodes.add("mixed", "sum", nodes.add("input_linear", LINEAR, INPUT), of_state)
    elif reset in (ALL, NOTHING):
        mixed = nodes.add("mixed", LINEAR, *((INPUT, "h") if reset == ALL else (INPUT,)))
    else:
        gate = "reset" if reset == "before" else reset
        mixed = nodes.add("mixed", LINEAR, INPUT, nodes.add("reset_state", "product", gate, "h"))
    return mixed if has["activation"] == "identity" else nodes.add("candidate", has["activation"], mixed)


def _next_memory(nodes: _Nodes, has: Mapping[str, str], candidate: str) -> str:
    memory, keep, write = has["memory"], has["keep"], has["write"]
    if write == REST:
        if has["reset"] != "write":
            nodes.pop("write")
        return nodes.add("memory_next", "blend", "keep", memory, candidate)
    written = candidate if write == ALL else nodes.add("written", "product", "write", candidate)
    if keep == NOTHING:
        return written
    kept = memory if keep == ALL else nodes.add("kept", "product", "keep", memory)
    return nodes.add("memory_next", "sum", kept, written)


def _read(cell: Cell) -> Genotype:
    """The genes that the names in a cell point to, should it be written as here."""
    nodes = cell.nodes
    following = nodes.get("memory_next")
    mixed, reset = nodes.get("mixed"), nodes.get("reset_state")

    def gate(name: str, otherwise: str) -> str:
        linear = nodes.get(f"{name}_linear")
        return otherwise if linear is None else GATE if "h" in linear.operands else INPUT_GATE

    def resets() -> str:
        if mixed is None or mixed.op == "sum":
            return "after"
        if reset is None:
            return ALL if "h" in mixed.operands else NOTHING
        return "before" if reset.operands[0] == "reset" else reset.operands[0]

    return (
        "c" if "c" in cell.states else "h",
        gate("keep", NOTHING if following is None else ALL),
        REST if following is not None and following.op == "blend" else gate("write", ALL),
        resets(),
        nodes["candidate"].op if "candidate" in nodes else "identity",
        gate("output", ALL),
        "tanh" if "squashed" in nodes else "identity",
    )


def _sample(random: Random) -> Cell:
    """Uniform over the genotypes that make a cell; some of them make the same."""
    while True:
        try:
            return cell_of("small", tuple(random.choice(choices) for choices in GENES.values()))
        except CellError:
            continue


def _change(gene: str) -> Edit:
    def edit(draft: Draft, operations: Sequence[str], random: Random) -> str:
        genes = genotype(draft.cell("draft"))
        if genes is None:
            raise CellError("it has no genotype in the space 'small'")
        has = dict(zip(GENES, genes, strict=True))
        new = random.choice([choice for choice in GENES[gene] if choice != has[gene]])
        rebuilt = _draft(has | {gene: new})
        draft.nodes, draft.states, draft.output = rebuilt.nodes, rebuilt.states, rebuilt.output
        return f"change {gene} from {has[gene]} to {new}"

    return edit


SPACE = SearchSpace(
    name="small",
    seeds={"plain": cell_of("plain", KNOWN["plain"])},
    operations=(LINEAR, "sum", "product", "blend", "one_minus", "sigmoid", "tanh", "relu"),
    most_nodes=18,
    most_states=2,
    sources={"plain": "Elman 1990"},
    edits={f"change {gene}": _change(gene) for gene in GENES},
    sample=_sample,
    cells=cells,
    admits=lambda cell: genotype(cell) is not None,
)
