"""A program as CUDA C: one kernel for all steps forward, one for all steps in reverse.

A thread keeps the same few units and rows from step to step, so that what only elementwise work reads never leaves its
registers. Memory is read for what a step begins with, one step ahead; written is what a product, the reverse pass or
the caller reads. Before a product whose operand other blocks have computed, the team meets at a barrier. The text holds
numbered variables, numbers, and functions of the table of operations, never a name from a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import Final, Literal

from cellsearch.cell.functions import FUNCTIONS
from cellsearch.recurrence.gpu.build import text_of
from cellsearch.recurrence.gpu.tiles import CallTiles, Sizes, Tiles, merged
from cellsearch.recurrence.plan.plan import Product
from cellsearch.recurrence.program.lowering import ALONG_ROW, HIDDEN_SIZE, SCANS
from cellsearch.recurrence.program.places import Call, Group, Place, home
from cellsearch.recurrence.program.program import Program

__all__ = ["Kernel", "Pass", "Precision", "kernel"]

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
INCLUDED: Final = '#include "device.h"'
Pass = Literal["forward", "reverse"]
HALVES: Final = {"bfloat16": 1, "float16": 2}


KERNEL: Final = """
extern "C" __global__ void __launch_bounds__(THREADS, 1) {name}(const run r)
{{
    SHARED_MEMORY;
    const int T = r.T, B = r.B, team = BLOCK / TEAM, teams = (B + ROWS - 1) / ROWS;
    const int first_unit = BLOCK % TEAM * UNITS, first_row = team * ROWS;
    const int valid_rows = B - first_row < ROWS ? B - first_row : ROWS;
    unsigned *const counter = r.counters + team;
    unsigned count = 0;
    int unit[ELEMENTS], row[ELEMENTS], own[ELEMENTS], mine[ELEMENTS];
    bool live[ELEMENTS], stored[ELEMENTS];
    EACH {{
        const int i = THREAD + e * THREADS, place = i / UNITS;
        own[e] = i % UNITS, mine[e] = place < ROWS ? place : 0;
        unit[e] = first_unit + own[e], row[e] = first_row + mine[e];
        stored[e] = place < valid_rows && unit[e] < WIDTH;
        live[e] = stored[e] && unit[e] < HIDDEN;
    }}
{before}
    for (int t = {first}; {condition}; {advance}) {{
{body}
    }}
{after}
}}
"""

AT: Final = """
#define AT(array, step, stride) (r.arrays[array] + ((size_t)(step) * B + row[e]) * (stride) + unit[e])
#define READ(array, step, stride) (live[e] ? get(AT(array, step, stride)) : 0.0f)
#define WRITE(array, step, stride, value) if (stored[e]) put(AT(array, step, stride), live[e] ? (value) : 0.0f)
#define WRITE_UNPADDED(array, step, stride, value) if (live[e]) put(AT(array, step, stride), value)
#define MADE(at, split, tiles, row) made_of<split, 16 * (tiles) + 4>(memory + (at), mine[e], row)
template <int SPLIT, int STRIDE> DEVICE float made_of(const char *at, int mine, int row)
{
    const float *const made = (const float *)at + mine * STRIDE + row;
    float total = 0.0f;
    UNROLL for (int i = 0; i < SPLIT; i++) total += made[i * ROWS * STRIDE];
    return total;
}
"""


@dataclass(frozen=True)
class Kernel:
    """The text and what the function wants to be given; `exchanges` count the vectors that a step looks along."""

    name: str
    text: str
    arrays: tuple[Place, ...]
    weights: tuple[Product, ...]
    vectors: tuple[Place, ...]
    sums: tuple[Place, ...]
    exchanges: int
    tiles: Tiles


def kernel(program: Program, name: Pass, sizes: Sizes, tiles: Tiles, precision: Precision) -> Kernel:
    """The kernel of one pass. Its text begins after `device.h`, whose place a twin can take."""
    return _Writer(program, name, sizes, tiles).kernel(precision)


def read_later(program: Program) -> frozenset[Place]:
    """The places of the forward pass that are read outside of its own steps: by the reverse pass and by products."""
    reverse = {
        group.lowering.instructions[number].of
        for group in program.reverse
        for number in group.lowering.needed([value for _, value in (*group.stores, *group.sums)])
        if group.lowering.instructions[number].name == "load"
    }
    products = {home(program.phase, program.plan.cell, product.operand) for product in program.phase.products}
    return frozenset({*reverse, *products, home(program.phase, program.plan.cell, program.plan.cell.output)})  # type: ignore[arg-type]


class _Writer:
    """Writes one kernel; what it wants gets numbers as it comes up."""

    def __init__(self, program: Program, name: Pass, sizes: Sizes, tiles: Tiles) -> None:
        self.program, self.name, self.sizes, self.tiles = program, name, sizes, tiles
        self.cell, self.phase = program.plan.cell, program.phase
        self.groups = program.forward if name == "forward" else program.reverse
        self.tiles_by_call = iter(tiles.calls)
        self.prepared = {linear for call in program.prepared for linear in call.product.linears}
        self.arrays: dict[Place, int] = {}
        self.weights: dict[Product, int] = {}
        self.vectors: dict[Place, int] = {}
        self.sums: dict[Place, int] = {}
        self.loads: dict[Place, int] = {}
        self.known: dict[Place, str] = {}
        self.results: dict[Place, list[str]] = {}
        self.exchanges, self.along = 0, tiles.along
        self.keeping: list[str] = []
        self.at: dict[int, int] = {}
        self.carried = {self._carried(state): state for state in self.cell.states}
        self.later = read_later(program)

    def kernel(self, precision: Precision) -> Kernel:
        body = [line for i, group in enumerate(self.groups) for line in self._group(i, group)]
        if "PREFETCH" not in body:  # nobody waits: the loads for the next step come first
            body.insert(0, "PREFETCH")
        body = [line for given in body for line in (self._prefetch() if given == "PREFETCH" else [given])]
        body = [*self._take_loads(), *body, *self._next_step()]
        forward = self.name == "forward"
        text = KERNEL.format(
            name=self.name,
            before=_indented(self._before(), 4),
            first="0" if forward else "T - 1",
            condition="t < T" if forward else "t >= 0",
            advance="t++" if forward else "t--",
            body=_indented(body, 8),
            after=_indented(self._after(), 4),
        )
        wanted = (tuple(self.arrays), tuple(self.weights), tuple(self.vectors), tuple(self.sums), self.exchanges)
        parts = (self._defines(precision), INCLUDED, text_of("functions.h"), text_of("team.h"), AT, text)
        return Kernel(self.name, "\n".join(parts), *wanted, self.tiles)

    def _defines(self, precision: Precision) -> str:
        tiles, phase = self.tiles, self.phase
        values = {
            "HALF": HALVES.get(precision, 0), "PRECISE": int(precision == "float32"),
            "CLUSTERS": int(tiles.clusters), "CALLS": len(tiles.calls), "TEAM": tiles.team, "ROWS": tiles.rows,
            "UNITS": tiles.units, "THREADS": tiles.threads, "HIDDEN": self.sizes.H, "WIDTH": self.sizes.width,
            "LINEARS": max(1, len(phase.linears)), "ARRAYS": max(1, len(self.arrays)),
            "WEIGHTS": max(1, len(self.weights)), "VECTORS": max(1, len(self.vectors)), "SUMS": max(1, len(self.sums)),
        }  # fmt: skip
        return "".join(f"#define {name} {value}\n" for name, value in values.items())

    def _carried(self, state: str) -> Place:
        return Place("state", state) if self.name == "forward" else Place("state_gradient", state, shift=1)

    def _meets(self, i: int) -> bool:
        """Whether the team meets before this group."""
        return bool(self.groups[i].calls)

    # -- a group: its products, then its instructions

    def _group(self, i: int, group: Group) -> Iterator[str]:
        if self._meets(i):
            yield "wait(counter, count);"
        for j, call in enumerate(merged(group.calls)):
            yield from self._call(call, next(self.tiles_by_call), j > 0)
        if group.calls:
            yield "sync_block();"
        yield from self._elementwise(i, group)
        following = (i + 1) % len(self.groups)
        if self._meets(following):
            yield "arrive(counter, count);"
            if not any(self._meets((j + 1) % len(self.groups)) for j in range(i)):
                yield "PREFETCH"

    def _call(self, call: Call, tiles: CallTiles, again: bool) -> Iterator[str]:
        weights = self.weights.setdefault(call.product, len(self.weights))
        operand = self._array(call.operand)
        kept = f"memory + {tiles.kept}, r.weights[{weights}], {tiles.linears}, {tiles.depth}"
        self.keeping.append(f"keep_weights({kept}, first_unit);")
        if again:
            yield "sync_block();"
        stride = self._stride(call.operand)
        sizes = f"{tiles.depth}, {tiles.chunk}, {tiles.stages}, {tiles.split}, {tiles.across}"
        rows = f"r.arrays[{operand}] + ((size_t)(t + {call.operand.shift}) * B + first_row) * ({stride})"
        yield f"multiply<{tiles.linears} * UNITS, {sizes}>(memory + {tiles.kept},"
        yield f"    {rows}, {stride}, valid_rows, memory + {self.tiles.staged}, (float *)(memory + {tiles.made}));"
        targets = call.product.linears if call.target.kind == "column" else (call.target.of,)
        for k, of in enumerate(targets):
            place = Place("column", of, parameter="products") if call.target.kind == "column" else call.target
            made = f"MADE({tiles.made}, {tiles.split}, {tiles.tiles}, {k} * UNITS + own[e])"
            self.results.setdefault(place, []).append(made)

    def _elementwise(self, i: int, group: Group) -> Iterator[str]:
        lowering, self.group, self.prefix = group.lowering, group, f"g{i}_"
        needed = lowering.needed([value for _, value in (*group.stores, *group.sums)])
        self.names: dict[int, str] = {}
        last = max((lowering.stage[number] for number in needed), default=-1)
        for stage in range(last + 1):
            for number in needed:
                if lowering.stage[number] == stage:
                    yield from self._instruction(number)
            yield from self._along_row([n for n in needed if self._is_along(n) and lowering.stage[n] == stage + 1])
        yield from self._stores(group)

    def _is_along(self, number: int) -> bool:
        return self.group.lowering.instructions[number].name in ALONG_ROW

    def _instruction(self, number: int) -> Iterator[str]:
        instruction = self.group.lowering.instructions[number]
        if instruction.name == "constant":
            self.names[number] = f"({instruction.of!r}f)" if "inf" not in repr(instruction.of) else "INFINITY"
        elif instruction.name == HIDDEN_SIZE:
            self.names[number] = "((float)HIDDEN)"
        elif instruction.name == "load":
            self.names[number] = self._load(instruction.of)  # type: ignore[arg-type]
        elif instruction.name not in ALONG_ROW:
            name = f"{self.prefix}{number}"
            formula = _formula(instruction.name, [self.names[operand] for operand in instruction.operands])
            self.names[number] = f"{name}[e]"
            yield f"float {name}[ELEMENTS]; EACH {name}[e] = {formula};"

    def _along_row(self, numbers: list[int]) -> Iterator[str]:
        """Publish the operands, meet, and let each warp go along its rows."""
        if not numbers:
            return
        instructions = self.group.lowering.instructions
        published: dict[int, str] = {}
        for number in numbers:
            operand = instructions[number].operands[0]
            if operand not in published:
                row = f"x{self.exchanges}"
                place = f"(({self.exchanges} * 2 + (t & 1)) * (size_t)teams + team)"
                yield f"float *const {row} = r.exchanged + {place} * ROWS * WIDTH;"
                yield f"EACH if (live[e]) {row}[mine[e] * WIDTH + unit[e]] = {self.names[operand]};"
                published[operand] = row
                self.exchanges += 1
        yield "arrive(counter, count);"
        yield "wait(counter, count);"
        for number in numbers:
            yield from self._along(number, published[instructions[number].operands[0]])
        yield "sync_block();"
        for number in numbers:
            name, at = f"{self.prefix}{number}", self.at[number]
            index = "mine[e] * UNITS + own[e]" if instructions[number].name in SCANS else "mine[e]"
            value = f"((const float *)(memory + {at}))[{index}]"
            yield f"float {name}[ELEMENTS]; EACH {name}[e] = live[e] ? {value} : 0.0f;"
            self.names[number] = f"{name}[e]"

    def _along(self, number: int, row: str) -> Iterator[str]:
        instruction = self.group.lowering.instructions[number]
        self.at[number] = at = self.along
        self.along += 4 * self.tiles.rows * (self.tiles.units if instruction.name in SCANS else 1)
        made = f"(float *)(memory + {at})"
        match instruction.name:
            case "row_sum":
                yield f"row_sums({row}, {made});"
            case "row_max":
                yield f"row_maxima({row}, {made});"
            case "running_sum" | "reverse_sum":
                yield f"running_sums({row}, {made}, first_unit, {str(instruction.name == 'reverse_sum').lower()});"
            case "group_mean":
                groups = int(self.group.lowering.instructions[instruction.operands[1]].of)  # type: ignore[call-overload]
                size = self.sizes.H // gcd(groups, self.sizes.H)
                mean = f"group_mean({row} + mine[e] * WIDTH, unit[e], {size})"
                yield f"EACH if (live[e]) ({made})[mine[e] * UNITS + own[e]] = {mean};"

    def _load(self, place: Place) -> str:
        """The expression of what lies at a place, from wherever it is nearest."""
        if place in self.known:
            return self.known[place]
        if place.kind == "vector":
            return f"v{self.vectors.setdefault(place, len(self.vectors))}[e]"
        if place in self.carried:
            return f"c{list(self.carried).index(place)}[e]"
        terms = list(self.results.get(place, ()))
        if place.parameter == "products":
            if place.of in self.prepared:
                terms.insert(0, self._loaded(Place("column", place.of)))
        elif not terms:
            return self._loaded(place)
        return f"({' + '.join(terms)})"

    def _loaded(self, place: Place) -> str:
        self._array(place)
        return f"e{self.loads.setdefault(place, len(self.loads))}[e]"

    def _stores(self, group: Group) -> Iterator[str]:
        for place, number in group.stores:
            self.known[place] = self.names[number]
            if self._leaves_registers(place):
                write = "WRITE_UNPADDED" if place.kind == "input_gradient" else "WRITE"
                at = f"{self._array(place)}, t + {place.shift}, {self._stride(place)}"
                yield f"EACH {write}({at}, {self.names[number]});"
        for place, number in group.sums:
            index = self.sums.setdefault(place, len(self.sums))
            yield f"EACH if (live[e]) s{index}[e] += {self.names[number]};"

    def _leaves_registers(self, place: Place) -> bool:
        """Whether somebody reads the place who is not this thread in this step or the next."""
        if self.name == "forward":
            return place.kind == "state" or place in self.later
        return place.kind in ("gradient_column", "input_gradient")

    # -- around the steps

    def _prefetch(self) -> Iterator[str]:
        step = "t + 1" if self.name == "forward" else "t - 1"
        condition = "t + 1 < T" if self.name == "forward" else "t"
        if self.loads:
            yield f"if ({condition}) EACH {{"
            yield from (f"    n{i}[e] = {self._read(place, step)};" for place, i in self.loads.items())
            yield "}"

    def _take_loads(self) -> Iterator[str]:
        for i in self.loads.values():
            yield f"float e{i}[ELEMENTS]; EACH e{i}[e] = n{i}[e];"

    def _read(self, place: Place, step: str) -> str:
        return f"READ({self._array(place)}, {step} + {place.shift}, {self._stride(place)})"

    def _next_step(self) -> Iterator[str]:
        """What is carried to the next step."""
        for i, state in enumerate(self.carried.values()):
            if self.name == "forward":
                value = self.known[Place("state", state, shift=1)]
            else:
                place = Place("state_gradient", state)
                value = self.known.get(place) or f"({' + '.join(self.results[place])})"
            yield f"EACH d{i}[e] = {value};"
        yield from (f"EACH c{i}[e] = d{i}[e];" for i in range(len(self.carried)))

    def _before(self) -> Iterator[str]:
        yield from self.keeping
        first = "0" if self.name == "forward" else "T - 1"
        for i in self.vectors.values():
            yield f"float v{i}[ELEMENTS]; EACH v{i}[e] = live[e] ? get(r.vectors[{i}] + unit[e]) : 0.0f;"
        for i, place in enumerate(self.carried):
            at = Place(place.kind, place.of)
            yield f"float c{i}[ELEMENTS], d{i}[ELEMENTS]; EACH c{i}[e] = {self._read(at, '0')};"
        for place, i in self.loads.items():
            yield f"float n{i}[ELEMENTS]; EACH n{i}[e] = {self._read(place, first)};"
        yield from (f"float s{i}[ELEMENTS]; EACH s{i}[e] = 0.0f;" for i in self.sums.values())
        if self.keeping:
            yield "copies_begun();"
            yield "copies_done<0>();"
            yield "sync_block();"
        if self._meets(0):
            yield "arrive(counter, count);"

    def _after(self) -> Iterator[str]:
        if self._meets(0):
            yield "wait(counter, count);"
        if self.name == "reverse":
            for i, place in enumerate(self.carried):
                yield f"EACH WRITE({self._array(Place(place.kind, place.of))}, 0, WIDTH, c{i}[e]);"
        for i in self.sums.values():
            yield f"EACH if (stored[e]) r.sums[((size_t)row[e] * SUMS + {i}) * WIDTH + unit[e]] = s{i}[e];"

    def _array(self, place: Place) -> int:
        return self.arrays.setdefault(Place(place.kind, place.of), len(self.arrays))

    def _stride(self, place: Place) -> str:
        if place.kind in ("column", "gradient_column"):
            return "LINEARS * WIDTH"
        return "HIDDEN" if place.kind in ("input", "arrived", "input_gradient") else "WIDTH"


def _formula(name: str, operands: list[str]) -> str:
    if name in FUNCTIONS:
        return f"v_{name}({', '.join(operands)})"
    return f"{operands[0]} {name} {operands[1]}" if len(operands) == 2 else f"({name}{operands[0]})"


def _indented(lines: Iterator[str] | list[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)
