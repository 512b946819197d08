"""From DARTS and ENAS: a genotype or an arc, which says how highway steps follow each other, becomes a cell.

Both search the same kind of cell. A step with predecessor s is

    step = blend(sigmoid(linear(s)), activation(linear(s)), s)

where the first reads the input and the state in its linears, and the state as s; a mean of steps is the output and the
next state. The published codes have no biases (ENAS and the search of DARTS normalise instead), our linears do.

Pham, Guan, Zoph, Le & Dean (2018), Efficient neural architecture search via parameter sharing, ICML.
Liu, Simonyan & Yang (2019), DARTS: differentiable architecture search, ICLR.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from cellsearch.cell.cell import Cell
from cellsearch.cell.draft import Draft
from cellsearch.cell.node import Node
from cellsearch.cell.ops import INPUT, LINEAR
from cellsearch.cell.untrusted import expect, expect_keys, short
from cellsearch.errors import CellError

__all__ = ["ACTIVATIONS", "MOST_STEPS", "from_darts", "from_enas", "highway"]

ACTIVATIONS: Final = ("tanh", "relu", "identity", "sigmoid")
"""The activations of a step, in the order in which ENAS numbers them from 0."""

MOST_STEPS: Final = 64
"""Steps after the first, at most."""

STATE: Final = "h"


def from_darts(genotype: Any, name: str = "darts") -> Cell:
    """The cell of a DARTS recurrent genotype, with state `h`.

    `genotype` has `recurrent`, the (activation, predecessor) of each step, and `concat`, the steps whose mean is the
    output; step 0 reads the input and the state, its activation is tanh. It is a mapping or, as in DARTS, a namedtuple.
    Steps that the output never depends on are dropped. Raises CellError, which names the step.
    """
    where = f"genotype {short(name)}"
    if not isinstance(genotype, Mapping) and hasattr(genotype, "_asdict"):
        genotype = genotype._asdict()
    expect(isinstance(genotype, Mapping), where, "it", "a namedtuple or object with recurrent and concat", genotype)
    expect_keys(genotype, ("recurrent", "concat"), (), where, "it")
    recurrent, concat = genotype["recurrent"], genotype["concat"]
    _check_length(where, "'recurrent'", recurrent, MOST_STEPS)
    _check_length(where, "'concat'", concat, MOST_STEPS + 1)
    steps = [("tanh", 0), *(_step(where, number, each) for number, each in enumerate(recurrent, start=1))]
    for each in concat:
        expect(_is_whole(each, len(steps)), where, "each of 'concat'", f"a step from 0 to {len(steps) - 1}", each)
    return highway(steps, concat).cell(name)


def from_enas(arc: str | Sequence[int], name: str = "enas") -> Cell:
    """The cell of an ENAS recurrent arc, with state `h`.

    `arc` is a list of whole numbers, or text of them: the activation of step 0, then predecessor and activation of each
    further step; activations are 0 tanh, 1 relu, 2 identity and 3 sigmoid. The output is the mean of the steps that no
    other reads. Raises CellError, which names the step.
    """
    where = f"arc {short(name)}"
    numbers = _numbers(where, arc) if isinstance(arc, str) else arc
    _check_length(where, "it", numbers, 2 * MOST_STEPS + 1)
    if len(numbers) % 2 == 0:
        raise CellError(
            f"{where}: it has {len(numbers)} numbers; write the activation of step 0, then predecessor and activation "
            "of each further step, an odd number of them"
        )
    steps = []
    for number, (before, activation) in enumerate(zip([0, *numbers[1::2]], numbers[::2], strict=True)):
        kinds = f"a number from 0 to {len(ACTIVATIONS) - 1}"
        expect(_is_whole(activation, len(ACTIVATIONS)), where, f"the activation of step {number}", kinds, activation)
        _check_predecessor(where, number, before)
        steps.append((ACTIVATIONS[activation], before))
    read = {before for _, before in steps[1:]}
    return highway(steps, [number for number in range(len(steps)) if number not in read]).cell(name)


def highway(steps: Sequence[tuple[str, int]], ends: Collection[int]) -> Draft:
    """The draft of highway steps, each (activation, number of its predecessor), the mean of `ends` its output.

    Step 0 has none: it reads the input and the state.
    """
    draft = Draft({}, {}, "")
    for number, (activation, before) in enumerate(steps):
        if number:
            _add_step(draft, number, activation, (f"step_{before}",), f"step_{before}")
        else:
            _add_step(draft, number, activation, (INPUT, STATE), STATE)
    total, *others = (f"step_{end}" for end in ends)
    for number, other in enumerate(others, start=2):
        draft.nodes[f"sum_{number}"] = Node("sum", (total, other))
        total = f"sum_{number}"
    if others:
        draft.nodes["h_next"] = Node("times_constant", (total,), constant=1 / len(ends))
        total = "h_next"
    draft.states, draft.output = {STATE: total}, total
    return draft


def _add_step(draft: Draft, number: int, activation: str, read: tuple[str, ...], before: str) -> None:
    draft.nodes[f"gate_linear_{number}"] = Node(LINEAR, read)
    draft.nodes[f"gate_{number}"] = Node("sigmoid", (f"gate_linear_{number}",))
    draft.nodes[f"linear_{number}"] = Node(LINEAR, read)
    value = f"linear_{number}"
    if activation != "identity":
        draft.nodes[f"value_{number}"] = Node(activation, (value,))
        value = f"value_{number}"
    draft.nodes[f"step_{number}"] = Node("blend", (f"gate_{number}", value, before))


def _step(where: str, number: int, pair: Any) -> tuple[str, int]:
    what = f"step {number} of 'recurrent'"
    expect(isinstance(pair, list | tuple) and len(pair) == 2, where, what, "(activation, predecessor)", pair)
    activation, before = pair
    known = isinstance(activation, str) and activation in ACTIVATIONS
    expect(known, where, f"the activation of step {number}", f"one of {', '.join(ACTIVATIONS)}", activation)
    _check_predecessor(where, number, before)
    return activation, before


def _check_predecessor(where: str, number: int, before: Any) -> None:
    wanted = f"a step from 0 to {number - 1}" if number > 1 else "step 0"
    expect(_is_whole(before, max(number, 1)), where, f"the predecessor of step {number}", wanted, before)


def _check_length(where: str, what: str, values: Any, most: int) -> None:
    # A range may be longer than len can tell, its beginning is not.
    listed = isinstance(values, list | tuple | range) and 1 <= len(values[: most + 1]) <= most
    expect(listed, where, what, f"a list of length 1 to {most}", values)


def _is_whole(value: Any, bound: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < bound


def _numbers(where: str, text: str) -> list[int]:
    """The whole numbers of a text, between spaces or commas, in brackets or not."""
    text = text.strip()
    bare = text[1:-1] if text.startswith(("[", "(")) and text.endswith(("]", ")")) else text
    words = re.split(r"[\s,]+", bare.strip(" \t\n,"), maxsplit=2 * MOST_STEPS + 1)
    _check_length(where, "it", words, 2 * MOST_STEPS + 1)
    for word in words:
        expect(re.fullmatch(r"-?\d{1,9}", word, re.ASCII) is not None, where, "each number", "a whole number", word)
    return [int(word) for word in words]
