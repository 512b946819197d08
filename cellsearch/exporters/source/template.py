"""The parts of an exported file that are the same for every cell, but for the names in them.

`$Name` is the sequence's class, `$states` its states as a caller writes them, `$type` their type; the words `$pack`
and `$unpack` turn a caller's states into one tensor [states, cells, B, H] and back.
"""

from __future__ import annotations

from string import Template
from typing import Final

from cellsearch.exporters.ending import TRIED, VERDICT

__all__ = ["BLOCK_DIAGONAL", "CHECK", "FILL", "IMPORTS", "LOAD", "MAIN", "MAIN_TRAINED", "SEQUENCE"]

IMPORTS: Final = Template("""\
from __future__ import annotations

${standard}
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

States = tuple[$states]
""")

BLOCK_DIAGONAL: Final = '''\
class BlockDiagonal(nn.Module):
    """A matrix [outputs, inputs] with blocks on its diagonal alone, as even as they can be."""

    def __init__(self, inputs: int, outputs: int, blocks: int) -> None:
        super().__init__()
        blocks = min(blocks, inputs, outputs)
        self.blocks = nn.ParameterList()
        for i in range(blocks):
            rows = (i + 1) * outputs // blocks - i * outputs // blocks
            columns = (i + 1) * inputs // blocks - i * inputs // blocks
            self.blocks.append(torch.empty(rows, columns).uniform_(-(columns**-0.5), columns**-0.5))

    def forward(self, x: Tensor) -> Tensor:
        matrix = torch.ops.aten.block_diag(list(self.blocks))  # torch.block_diag, for TorchScript
        return F.linear(x, matrix)
'''

SEQUENCE: Final = Template('''\
class $Name(nn.Module):
    """Layers of ${Name}Cell over a sequence, called like torch.nn.LSTM.

    x is [T, B, I], [B, T, I] with batch_first, [T, I] without a batch, or a PackedSequence; the
    outputs have the same form with H (2 H if bidirectional) for I. The initial and last states are
    $states, [num_layers * directions, B, H]$each; missing ones are zeros.
    While training, dropout is the probability of a zero in what one layer hands to the next.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.dropout = dropout
        self.directions = 2 if bidirectional else 1
        self.cells = nn.ModuleList()
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * self.directions
            for _ in range(self.directions):
                self.cells.append(${Name}Cell(size, hidden_size))

    def forward(
        self, x: Tensor | PackedSequence, initial: $type | None = None
    ) -> tuple[Tensor | PackedSequence, $type]:
        """The outputs and the last states; see the class."""
        states = None if initial is None else $pack
        if isinstance(x, PackedSequence):
            if states is not None and x.sorted_indices is not None:
                states = states[:, :, x.sorted_indices]
            outputs, last = self._run(x.data, x.batch_sizes.tolist(), states)
            if x.unsorted_indices is not None:
                last = last[:, :, x.unsorted_indices]
            return PackedSequence(outputs, *x[1:]), $unpack
        if x.dim() == 2:
            states = None if states is None else states.unsqueeze(2)
            outputs, last = self._run(x.unsqueeze(1), None, states)
            last = last.squeeze(2)
            return outputs.squeeze(1), $unpack
        outputs, last = self._run(x.transpose(0, 1) if self.batch_first else x, None, states)
        return outputs.transpose(0, 1) if self.batch_first else outputs, $unpack

    def _run(
        self, x: Tensor, rows: list[int] | None, states: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """All layers over x as `scan` takes it, from and to states [$count, cells, B, H]."""
        if x.shape[0] == 0 or x.shape[-1] != self.input_size:
            raise ValueError(f"x must have at least one step, and {self.input_size} values in each")
        batch = x.shape[1] if rows is None else rows[0]
        shape = ($count, len(self.cells), batch, self.hidden_size)
        if states is None:
            states = x.new_zeros(shape)
        if states.shape != shape:
            raise ValueError(f"initial must hold {shape} numbers, got {tuple(states.shape)}")
        last = []
        for first in range(0, len(self.cells), self.directions):
            if first > 0:
                x = F.dropout(x, self.dropout, self.training)
            ways = []
            for index in range(first, first + self.directions):
                cell, backward = self.cells[index], index > first
                outputs, end = scan(cell, x, rows, states[:, index], backward)
                ways.append(outputs)
                last.append(end)
            x = torch.cat(ways, -1) if len(ways) > 1 else ways[0]
        return x, torch.stack(last, 1)


def scan(
    cell: nn.Module, x: Tensor, rows: list[int] | None, initial: Tensor, backward: bool
) -> tuple[Tensor, Tensor]:
    """One cell from step to step: the outputs, and the states [$count, B, H] of each sequence's last.

    x is [T, B, I]; of a packed batch [all rows, I], longest sequence first, with the rows of each
    step, fewer as sequences end.
    """
    of_x = [each.unbind() if rows is None else each.split(rows) for each in cell.of_input(x)]
    stacked, states, outputs = cell.stacked(), initial.unbind(), []
    steps = list(zip(*of_x))
    for step in reversed(steps) if backward else steps:
        if rows is None:
            output, states = cell.step(step, stacked, states)
        else:
            now = step[0].shape[0]
            output, new = cell.step(step, stacked, tuple(state[:now] for state in states))
            states = tuple(torch.cat([row, old[now:]]) for row, old in zip(new, states))
        outputs.append(output)
    if backward:
        outputs.reverse()
    return torch.stack(outputs) if rows is None else torch.cat(outputs), torch.stack(states)
''')

LOAD: Final = Template('''\
def load(path: Path | str | None = None) -> $Name:
    """The trained module; `path` is its safetensors file if that is not beside this one."""
    module = $Name(
        input_size=$input_size,
        hidden_size=$hidden_size,
        num_layers=$num_layers,
        batch_first=$batch_first,
        dropout=$dropout,
        bidirectional=$bidirectional,
    )
    path = Path(path or Path(__file__).with_suffix(".safetensors"))
    module$to.load_state_dict(read_safetensors(path))
    return module


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The arrays of a file: the size of its header, the header in JSON, then all the numbers."""
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    if not 8 < start <= len(content):
        raise ValueError(f"{path} is no safetensors file")
    arrays = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            shape, (begin, end) = entry["shape"], entry["data_offsets"]
            numbers = content[start + begin : start + end]
            arrays[name] = torch.frombuffer(numbers, dtype=torch.$dtype).view(shape)
    return arrays
''')

FILL: Final = """\
        for start, (_, weight) in enumerate(sorted(module.named_parameters())):
            weight.copy_(wave(*weight.shape, start=start))
"""

CHECK: Final = Template('''\
# What cellsearch's reference computed in float64 for the input of `check`: the outputs of $steps steps,
# then the last $states by layer and direction; a column a sequence.
EXPECTED = [
$expected
]


def check() -> float:
    """The largest difference of this file's numbers from EXPECTED, relative where they exceed 1."""
    module = $module
    x = wave($steps, $batch, module.input_size) / module.input_size**0.5
    initial = wave(${kinds}len(module.cells), $batch, module.hidden_size)$unbind
    with torch.no_grad():
$fill        outputs, last = module(x, initial)
    found = torch.cat([summary(each) for each in (outputs, $last)])
    expected = torch.tensor(EXPECTED, dtype=torch.float64)
    return ((found - expected).abs() / expected.abs().clamp(min=1)).max().item()


def wave(*shape: int, start: int = 0) -> Tensor:
    """The sines of start, start + 1, ...: numbers that every release of torch has in common."""
    numbers = torch.arange(start, start + math.prod(shape), dtype=torch.float64)
    return torch.sin(numbers).view(shape)


def summary(values: Tensor) -> Tensor:
    """A sum over the hidden units in which each has a weight of its own: [.., B, H] to [.., B]."""
    return values @ torch.linspace(1, 2, values.shape[-1], dtype=values.dtype)


if __name__ == "__main__":
$main''')

MAIN: Final = Template("    difference = check()\n" + VERDICT)

MAIN_TRAINED: Final = Template(TRIED + VERDICT)
