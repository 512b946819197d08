"""A program as C: one function for all steps forward, one for all steps in reverse.

Each runs the steps for a slice of the batch, so that threads never wait for one another. Where no step has a product or
a sum along the row, a small batch is sliced along its hidden units too. The text holds numbered
variables, numbers, and functions of the table of operations, never a name from a cell: cells of the same structure
have the same text. Sizes are arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cellsearch.recurrence.native.row import Row
from cellsearch.recurrence.plan.plan import Product
from cellsearch.recurrence.program.places import Call, Group, Place
from cellsearch.recurrence.program.program import Program

__all__ = ["Routine", "Source", "source"]

HEAD: Final = '#include "steps.h"\n'

ROUTINE: Final = """
static void {name}_slice(const run *r, long first, long last, long from, long to, real *rows)
{{
    const long T = r->T, H = r->H, width = r->width;
    const series *v = r->arrays;
    real *const *bases = r->bases;
    real *scratch = rows + {temporaries} * width;
    for (long t = {begin}; {condition}; {advance}) {{
{body}
    }}
}}

void {name}(const run *r)
{{
    const long all = r->slices * r->units;
    #pragma omp parallel for num_threads(all) schedule(static, 1) if (all > 1)
    for (long i = 0; i < all; i++)
        {name}_slice(r, part(r->B, r->slices, i / r->units), part(r->B, r->slices, i / r->units + 1),
                     part(r->width / WIDTH, r->units, i % r->units) * WIDTH,
                     part(r->width / WIDTH, r->units, i % r->units + 1) * WIDTH,
                     r->scratch + i * r->scratch_size);
}}
"""


@dataclass(frozen=True)
class Routine:
    """What one function wants to be given: places as arrays, products' packed weights, learned vectors; and counts.

    `sums` are the learned arrays whose gradients it sums, `temporaries` the rows that it needs beside the scratch
    memory of a product.
    """

    name: str
    arrays: tuple[Place, ...]
    weights: tuple[Product, ...]
    vectors: tuple[Place, ...]
    sums: tuple[Place, ...]
    temporaries: int


@dataclass(frozen=True)
class Source:
    """The text and what its two functions want."""

    text: str
    forward: Routine
    reverse: Routine


def source(program: Program) -> Source:
    """The C source of a program, for any precision: `real` is set by the compiler's caller."""
    forward, reverse = _RoutineWriter(program), _RoutineWriter(program)
    texts = [HEAD, forward.routine("forward", program.forward), reverse.routine("reverse", program.reverse)]
    return Source("".join(texts), forward.wants("forward"), reverse.wants("reverse"))


class _RoutineWriter:
    """Writes one function; what it wants gets numbers as it comes up."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.arrays: dict[Place, int] = {}
        self.weights: dict[Product, int] = {}
        self.vectors: dict[Place, int] = {}
        self.sums: dict[Place, int] = {}
        self.temporaries = 0

    def wants(self, name: str) -> Routine:
        vectors, sums = tuple(self.vectors), tuple(self.sums)
        return Routine(name, tuple(self.arrays), tuple(self.weights), vectors, sums, self.temporaries)

    def routine(self, name: str, groups: tuple[Group, ...]) -> str:
        lines = list(self._prepared()) if name == "forward" else []
        for group in groups:
            lines += [line for call in group.calls for line in self._call(call)]
            lines += self._loops(group)
        lines += self._returned() if name == "reverse" else []
        begin, condition, advance = ("0", "t < T", "t++") if name == "forward" else ("T - 1", "t >= 0", "t--")
        return ROUTINE.format(
            name=name,
            begin=begin,
            condition=condition,
            advance=advance,
            body="\n".join("        " + line for line in lines),
            temporaries=self.temporaries,
        )

    def array(self, place: Place) -> int:
        return self.arrays.setdefault(Place(place.kind, place.of), len(self.arrays))

    def vector(self, place: Place) -> str:
        return f"r->vectors[{self.vectors.setdefault(place, len(self.vectors))}]"

    def _prepared(self) -> Iterator[str]:
        for call in self.program.prepared:
            n = f"{len(call.product.linears)} * width"
            yield "if (r->chunk && t % r->chunk == 0)"
            yield f"    {self._steps(call, n, 'r->I')}"

    def _returned(self) -> Iterator[str]:
        for call in self.program.returned:
            k = f"{len(call.product.linears)} * width"
            yield "if (r->chunk && t % r->chunk == 0 && r->input_width)"
            yield f"    {self._steps(call, 'r->input_width', k)}"

    def _steps(self, call: Call, n: str, k: str) -> str:
        a, c = self.array(call.operand), self.array(call.target)
        weights = self.weights.setdefault(call.product, len(self.weights))
        count = "T - t < r->chunk ? T - t : r->chunk"
        return f"multiply_steps(r, first, last, t, {count}, {n}, {k}, {a}, {weights}, {c}, {int(call.adds)}, scratch);"

    def _call(self, call: Call) -> Iterator[str]:
        a, c = self.array(call.operand), self.array(call.target)
        weights = self.weights.setdefault(call.product, len(self.weights))
        count = len(call.product.linears)
        n, k = ("width", f"{count} * width") if call.target.kind != "column" else (f"{count} * width", "H")
        yield f"r->multiply(last - first, {n}, {k}, AT({a}, {call.operand.shift}, first), v[{a}].row, "
        yield (
            f"            r->weights[{weights}], AT({c}, {call.target.shift}, first), v[{c}].row, "
            f"{int(call.adds)}, scratch);"
        )

    def _loops(self, group: Group) -> list[str]:
        body = Row(self, group).lines()
        return ["for (long b = first; b < last; b++) {", *("    " + line for line in body), "}"] if body else []
