"""A program as C: one function for all steps forward, one for all steps in reverse.

Each runs the steps for a slice of the batch, so that threads never wait for one another. The text holds numbered
variables, numbers, and functions of the table of operations, never a name from a cell: cells of the same structure
have the same text. Sizes are arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cellsearch.cell.functions import FUNCTIONS
from cellsearch.recurrence.native.lowering import ALONG_ROW, HIDDEN_SIZE
from cellsearch.recurrence.native.program import Call, Group, Place, Program
from cellsearch.recurrence.plan import Product

__all__ = ["Routine", "Source", "source"]

HEAD: Final = """\
#include "vector.h"

typedef struct { long base, offset, step, row, mask; } series;
typedef void (*product)(long rows, long n, long k, const real *a, long a_row, const real *packed, real *c,
                        long c_row, int adds, real *scratch);
typedef struct {
    long T, B, H, width, slices;   /* steps, batch, hidden size, the same in whole vectors, slices of the batch */
    long I, input_width, chunk;    /* input size, the same in whole vectors (0: no gradient), steps for its products */
    product multiply;
    const series *arrays;
    real *const *bases;
    const real *const *weights, *const *vectors;
    real *sums, *scratch;          /* of each thread: sums * width, scratch_size */
    long scratch_size;
} run;

#define LOWEST ((real)-1e38)

/* The vector's first lanes, and a filler in the others. */
static inline vector v_or(vector a, long lanes, real filler)
{
    return v_only(a, lanes) + (splat(filler) - v_only(splat(filler), lanes));
}

static inline real v_largest(vector a)
{
    real largest = a[0];
    for (int i = 1; i < WIDTH; i++) largest = a[i] > largest ? a[i] : largest;
    return largest;
}

/* Row b of series i at this step, or one later. */
#define AT(i, shift, b) (bases[v[i].base] + v[i].offset + ((t + (shift)) & v[i].mask) * v[i].step + (b) * v[i].row)

/* A product for `count` steps from t on; where the slice is the whole batch, their rows are neighbours. */
static void multiply_steps(const run *r, long first, long last, long t, long count, long n, long k, long a,
                           long weights, long c, int adds, real *scratch)
{
    const series *v = r->arrays;
    real *const *bases = r->bases;
    const long whole = last - first == r->B, rows = whole ? count * r->B : last - first;
    for (const long end = whole ? t + 1 : t + count; t < end; t++)
        r->multiply(rows, n, k, AT(a, 0, first), v[a].row, r->weights[weights], AT(c, 0, first), v[c].row, adds,
                    scratch);
}
"""

ROUTINE: Final = """
static void {name}_slice(const run *r, long first, long last, real *sums, real *rows)
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
    #pragma omp parallel for num_threads(r->slices) schedule(static, 1) if (r->slices > 1)
    for (long i = 0; i < r->slices; i++)
        {name}_slice(r, r->B * i / r->slices, r->B * (i + 1) / r->slices, r->sums + i * {sums} * r->width,
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
    forward, reverse = _Writer(program), _Writer(program)
    texts = [HEAD, forward.routine("forward", program.forward), reverse.routine("reverse", program.reverse)]
    return Source("".join(texts), forward.wants("forward"), reverse.wants("reverse"))


class _Writer:
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
            sums=len(self.sums),
        )

    def _array(self, place: Place) -> int:
        return self.arrays.setdefault(Place(place.kind, place.of), len(self.arrays))

    def _vector(self, place: Place) -> str:
        return f"r->vectors[{self.vectors.setdefault(place, len(self.vectors))}]"

    def _prepared(self) -> Iterator[str]:
        for call in self.program.prepared:
            n = f"{len(call.product.linears)} * width"
            yield "if (t % r->chunk == 0)"
            yield f"    {self._steps(call, n, 'r->I')}"

    def _returned(self) -> Iterator[str]:
        for call in self.program.returned:
            k = f"{len(call.product.linears)} * width"
            yield "if (t % r->chunk == 0 && r->input_width)"
            yield f"    {self._steps(call, 'r->input_width', k)}"

    def _steps(self, call: Call, n: str, k: str) -> str:
        a, c = self._array(call.operand), self._array(call.target)
        weights = self.weights.setdefault(call.product, len(self.weights))
        count = "T - t < r->chunk ? T - t : r->chunk"
        return f"multiply_steps(r, first, last, t, {count}, {n}, {k}, {a}, {weights}, {c}, {int(call.adds)}, scratch);"

    def _call(self, call: Call) -> Iterator[str]:
        a, c = self._array(call.operand), self._array(call.target)
        weights = self.weights.setdefault(call.product, len(self.weights))
        count = len(call.product.linears)
        n, k = ("width", f"{count} * width") if call.target.kind != "column" else (f"{count} * width", "H")
        yield f"r->multiply(last - first, {n}, {k}, AT({a}, {call.operand.shift}, first), v[{a}].row, "
        yield (
            f"            r->weights[{weights}], AT({c}, {call.target.shift}, first), v[{c}].row, "
            f"{int(call.adds)}, scratch);"
        )

    def _loops(self, group: Group) -> list[str]:
        body = _Row(self, group).lines()
        return ["for (long b = first; b < last; b++) {", *("    " + line for line in body), "}"] if body else []


class _Row:
    """Writes the loops over one row of hidden units, a loop for each stage of a group."""

    def __init__(self, writer: _Writer, group: Group) -> None:
        self.writer, self.group, self.lowering = writer, group, group.lowering
        results = [value for _, value in (*group.stores, *group.sums)]
        self.needed = self.lowering.needed(results)
        self.places: dict[Place, str] = {}
        self.spilled = self._spilled()

    def lines(self) -> list[str]:
        stages = range(max((self.lowering.stage[number] for number in self.needed), default=-1) + 1)
        loops = [line for stage in stages for line in self._stage(stage)]
        pointers = [self._pointer(place, name) for place, name in self.places.items()]
        zeros = [
            f"for (long j = H; j < width; j++) {self.places[place]}[j] = 0;"  # so that products may read whole vectors
            for place, _ in self.group.stores
            if place.kind == "gradient_column"
        ]
        return [*pointers, *loops, *zeros]

    def _pointer(self, place: Place, name: str) -> str:
        if place.kind == "vector":
            return f"const real *{name} = {self.writer._vector(place)};"
        return f"real *{name} = AT({self.writer._array(place)}, {place.shift}, b);"

    def _at(self, place: Place) -> str:
        return self.places.setdefault(place, f"p{len(self.places)}")

    def _spilled(self) -> dict[int, str]:
        """Vectors that a later stage reads, or that are read along the row, each in a row of memory of its own."""
        found: dict[int, str] = {}
        for number in self.needed:
            name, operands = self.lowering.instructions[number].name, self.lowering.instructions[number].operands
            if name in ("running_sum", "reverse_sum"):
                self._spill(found, number)
                self._spill(found, operands[0])
            for operand in operands:
                if self.lowering.stage[operand] < self._stage_of_work(number) and not self._is_at_hand(operand):
                    self._spill(found, operand)
        self.writer.temporaries = max(self.writer.temporaries, len(found))
        return found

    def _spill(self, found: dict[int, str], number: int) -> None:
        found.setdefault(number, f"(rows + {len(found)} * width)")

    def _is_at_hand(self, number: int) -> bool:
        return self.lowering.is_scalar[number] or self.lowering.instructions[number].name == "load"

    def _stage_of_work(self, number: int) -> int:
        """The stage in whose loop an instruction reads its operands."""
        return self.lowering.stage[number] - (self.lowering.instructions[number].name in ALONG_ROW)

    def _stage(self, stage: int) -> Iterator[str]:
        self.made: set[int] = set()
        self.body: list[str] = []
        before, after = [], []
        for number in self.needed:
            instruction = self.lowering.instructions[number]
            if instruction.name in ("constant", HIDDEN_SIZE, "load"):
                continue
            if instruction.name in ALONG_ROW and self._stage_of_work(number) == stage:
                more_before, more_after = self._along_row(number)
                before += more_before
                after += more_after
            elif instruction.name not in ALONG_ROW and self.lowering.stage[number] == stage:
                if self.lowering.is_scalar[number]:
                    before.append(f"const real s{number} = {self._scalar_expression(number)};")
                else:
                    self.body.append(f"const vector v{number} = {self._expression(number)};")
                    self.made.add(number)
                    if number in self.spilled:
                        self.body.append(f"store({self.spilled[number]} + j, v{number});")
        self._results(stage)
        yield from before
        if self.body:
            yield "for (long j = 0; j < width; j += WIDTH) {"
            yield from ("    " + line for line in self.body)
            yield "}"
        yield from after

    def _results(self, stage: int) -> None:
        for place, number in self.group.stores:
            if self.lowering.stage[number] == stage:
                self.body.append(f"store({self._at(place)} + j, {self._vector(number)});")
        for place, number in self.group.sums:
            if self.lowering.stage[number] == stage:
                index = self.writer.sums.setdefault(place, len(self.writer.sums))
                total = f"sums + {index} * width + j"
                self.body.append(f"store({total}, load({total}) + {self._vector(number)});")

    def _along_row(self, number: int) -> tuple[list[str], list[str]]:
        """Lines before and after the loop of this stage; in the loop, a reduction collects its lanes."""
        name, operand = self.lowering.instructions[number].name, self.lowering.instructions[number].operands[0]
        if name in ("running_sum", "reverse_sum"):
            self._vector(operand)
            loop = "for (long j = 0; j < H; j++)" if name == "running_sum" else "for (long j = H - 1; j >= 0; j--)"
            given, made = self.spilled[operand], self.spilled[number]
            return [], [f"{{ real total = 0; {loop} {made}[j] = total += {given}[j]; }}"]
        value = self._vector(operand)
        if name == "row_sum":
            self.body.append(f"w{number} += v_only({value}, H - j);")
            return [f"vector w{number} = splat(0);"], [f"const real s{number} = v_total(w{number});"]
        self.body.append(f"w{number} = v_maximum(w{number}, v_or({value}, H - j, LOWEST));")
        return [f"vector w{number} = splat(LOWEST);"], [f"const real s{number} = v_largest(w{number});"]

    def _vector(self, number: int) -> str:
        """The C expression of a value as a vector within the present loop."""
        instruction = self.lowering.instructions[number]
        if self.lowering.is_scalar[number]:
            return f"splat({self._scalar(number)})"
        if number not in self.made:  # so it comes from memory
            is_load = instruction.name == "load"
            at = self._at(instruction.of) if is_load else self.spilled[number]  # type: ignore[arg-type]
            self.made.add(number)
            self.body.append(f"const vector v{number} = load({at} + j);")
            if is_load and number in self.spilled:
                self.body.append(f"store({self.spilled[number]} + j, v{number});")
        return f"v{number}"

    def _scalar(self, number: int) -> str:
        instruction = self.lowering.instructions[number]
        if instruction.name == "constant":
            return f"(real){instruction.of!r}"
        return "(real)H" if instruction.name == HIDDEN_SIZE else f"s{number}"

    def _expression(self, number: int) -> str:
        instruction = self.lowering.instructions[number]
        return _formula(instruction.name, [self._vector(operand) for operand in instruction.operands])

    def _scalar_expression(self, number: int) -> str:
        """A scalar's expression is computed as a vector, of which one lane is taken."""
        return f"({self._expression(number)})[0]"


def _formula(name: str, operands: list[str]) -> str:
    if name in FUNCTIONS:
        return f"v_{name}({', '.join(operands)})"
    return f"{operands[0]} {name} {operands[1]}" if len(operands) == 2 else f"{name}{operands[0]}"
