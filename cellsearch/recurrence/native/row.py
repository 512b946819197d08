"""The loops over one row of hidden units: a group's instructions in C, a loop for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from cellsearch.cell.functions import FUNCTIONS
from cellsearch.recurrence.program.lowering import ALONG_ROW, HIDDEN_SIZE, SCANS
from cellsearch.recurrence.program.places import Group, Place

__all__ = ["Numbering", "Row"]


class Numbering(Protocol):
    """What numbers the arguments of the function that the loops are part of."""

    sums: dict[Place, int]
    temporaries: int

    def array(self, place: Place) -> int:
        """The number of the series at a place."""

    def vector(self, place: Place) -> str:
        """The C expression of a learned vector."""


class Row:
    """Writes the loops over one row of hidden units, a loop for each stage of a group."""

    def __init__(self, numbering: Numbering, group: Group) -> None:
        self.numbering, self.group, self.lowering = numbering, group, group.lowering
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
        sums = ["real *sums = r->sums + b * r->sums_size;"] if self.group.sums else []
        return [*pointers, *sums, *loops, *zeros]

    def _pointer(self, place: Place, name: str) -> str:
        if place.kind == "vector":
            return f"const real *{name} = {self.numbering.vector(place)};"
        return f"real *{name} = AT({self.numbering.array(place)}, {place.shift}, b);"

    def _at(self, place: Place) -> str:
        return self.places.setdefault(place, f"p{len(self.places)}")

    def _spilled(self) -> dict[int, str]:
        """Vectors that a later stage reads, or that are read along the row, each in a row of memory of its own."""
        found: dict[int, str] = {}
        for number in self.needed:
            name, operands = self.lowering.instructions[number].name, self.lowering.instructions[number].operands
            if name in SCANS:
                self._spill(found, number)
                self._spill(found, operands[0])
            for operand in operands:
                if self.lowering.stage[operand] < self._stage_of_work(number) and not self._is_at_hand(operand):
                    self._spill(found, operand)
        self.numbering.temporaries = max(self.numbering.temporaries, len(found))
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
            yield "for (long j = from; j < to; j += WIDTH) {"
            yield from ("    " + line for line in self.body)
            yield "}"
        yield from after

    def _results(self, stage: int) -> None:
        for place, number in self.group.stores:
            if self.lowering.stage[number] == stage:
                self.body.append(f"store({self._at(place)} + j, {self._vector(number)});")
        for place, number in self.group.sums:
            if self.lowering.stage[number] == stage:
                index = self.numbering.sums.setdefault(place, len(self.numbering.sums))
                total = f"sums + {index} * width + j"  # of this row, so that the slices' number changes no rounding
                self.body.append(f"store({total}, load({total}) + {self._vector(number)});")

    def _along_row(self, number: int) -> tuple[list[str], list[str]]:
        """Lines before and after the loop of this stage; in the loop, a reduction collects its lanes."""
        name, operand = self.lowering.instructions[number].name, self.lowering.instructions[number].operands[0]
        if name in SCANS:
            self._vector(operand)
            if name == "group_mean":
                groups = self.lowering.instructions[self.lowering.instructions[number].operands[1]].of
                return [], [f"group_mean({self.spilled[operand]}, {self.spilled[number]}, H, (long){groups});"]
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
