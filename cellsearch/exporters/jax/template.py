"""The parts of an exported file of JAX that are the same for every cell, but for the names and numbers in them."""

from __future__ import annotations

from string import Template
from typing import Final

from cellsearch.exporters.ending import TRIED, VERDICT

__all__ = ["BLOCKS", "CHECK", "IMPORTS", "LOAD", "SEQUENCE"]

IMPORTS: Final = Template("""\
from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import block_diag

States = tuple[$states]
""")

SEQUENCE: Final = Template('''\
class $Name(eqx.Module):
    """Layers of ${Name}Cell over a sequence.

    x is [T, B, I], or [B, T, I] with batch_first; the outputs have the same form with H (2 H if
    bidirectional) for I. The initial and last states are a tuple of
    $states, [num_layers * directions, B, H] each; missing ones are zeros.
    """

    cells: list[${Name}Cell]
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)
    batch_first: bool = eqx.field(static=True, default=False)
    directions: int = eqx.field(static=True, default=1)

    def __call__(self, x: Array, initial: States | None = None) -> tuple[Array, States]:
        """The outputs and the last states; see the class."""
        x = x.swapaxes(0, 1) if self.batch_first else x
        if x.ndim != 3 or x.shape[0] == 0 or x.shape[-1] != self.input_size:
            raise ValueError(f"x must have at least one step, and {self.input_size} values in each")
        shape = (len(self.cells), x.shape[1], self.hidden_size)
        states = (jnp.zeros(shape, x.dtype),) * $count if initial is None else tuple(initial)
        if [each.shape for each in states] != [shape] * $count:
            raise ValueError(f"initial must hold $count arrays of {shape}")
        last = []
        for first in range(0, len(self.cells), self.directions):
            ways = []
            for index in range(first, first + self.directions):
                own = tuple(each[index] for each in states)
                outputs, end = scan(self.cells[index], x, own, index > first)
                ways.append(outputs)
                last.append(end)
            x = jnp.concatenate(ways, -1)
        ends = tuple(jnp.stack(each) for each in zip(*last))
        return x.swapaxes(0, 1) if self.batch_first else x, ends


def scan(
    cell: ${Name}Cell,
    x: Array,
    initial: States,
    backward: bool,
) -> tuple[Array, States]:
    """One cell from step to step over x [T, B, I]: the outputs, and the last states [B, H]."""
    stacked = cell.stacked()

    def step(states: States, of_x: list[Array]) -> tuple[States, Array]:
        output, following = cell.step(of_x, stacked, states)
        return following, output

    last, outputs = jax.lax.scan(step, initial, cell.of_input(x), reverse=backward)
    return outputs, last
''')

BLOCKS: Final = '''\
def blocks_of(own: dict[str, Array], matrix: str) -> list[Array]:
    """The blocks of a matrix in their order."""
    count = sum(name.startswith(f"{matrix}.blocks.") for name in own)
    return [own[f"{matrix}.blocks.{number}"] for number in range(count)]
'''

LOAD: Final = Template('''\
def load(path: Path | str | None = None) -> $Name:
    """The trained module; `path` is its safetensors file if that is not beside this one."""
    arrays = read_safetensors(Path(path or Path(__file__).with_name("$weights")))
    return $Name(
        cells=[cell_of(arrays, index) for index in range($cells)],
        input_size=$input_size,
        hidden_size=$hidden_size,
        batch_first=$batch_first,
        directions=$directions,
    )


$reading

def read_safetensors(path: Path) -> dict[str, Array]:
    """The arrays of a file: the size of its header, the header in JSON, then all the numbers."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    if not 8 < start <= len(content):
        raise ValueError(f"{path} is no safetensors file")
    arrays = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            numbers = np.frombuffer(content[start + begin : start + end], dtype=jnp.$dtype)
            arrays[name] = jnp.asarray(numbers.reshape(entry["shape"]))
    return arrays
''')

CHECK: Final = Template(
    '''\
# What cellsearch's reference computed in float64 for the input of `check`: the outputs of $steps steps,
# then the last $states by layer and direction; a column a sequence.
EXPECTED = [
$expected
]


def check() -> float:
    """The largest difference of this file's numbers from EXPECTED, relative where they exceed 1.

    It is made for float64, which JAX has where jax_enable_x64 is set.
    """
    module = jax.tree.map(lambda array: array.astype(float), load())
    x = wave($steps, $batch, module.input_size) / module.input_size**0.5
    initial = tuple(wave($count, len(module.cells), $batch, module.hidden_size))
    outputs, last = module($x, initial)
    found = jnp.concatenate([summary(each) for each in ($outputs, *last)])
    expected = jnp.array(EXPECTED)
    return float((jnp.abs(found - expected) / jnp.maximum(1, jnp.abs(expected))).max())


def wave(*shape: int) -> Array:
    """The sines of 0, 1, 2, ...: numbers that every package has in common."""
    return jnp.sin(jnp.arange(math.prod(shape), dtype=float)).reshape(shape)


def summary(values: Array) -> Array:
    """A sum over the hidden units in which each has a weight of its own: [.., B, H] to [.., B]."""
    return (values @ jnp.linspace(1, 2, values.shape[-1])).reshape(-1, $batch)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
'''
    + TRIED
    + VERDICT
)
