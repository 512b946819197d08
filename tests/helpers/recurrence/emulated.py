"""The GPU backend on the processor: its kernels' own text, compiled as C++ with `emulated.h` in place of `device.h`."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence import sequence
from cellsearch.recurrence.gpu.backend import Gpu
from cellsearch.recurrence.gpu.source import Kernel
from cellsearch.recurrence.gpu.tiles import Card

__all__ = ["COMPILER", "Emulated", "EmulatedGpu"]

HERE: Final = Path(__file__).parent
COMPILER: Final = shutil.which("g++")


@dataclass
class Emulated:
    """A launcher whose card has so many blocks. `shuffled` other than 0 draws the order in which threads take turns."""

    blocks: int = 3
    shuffled: int = 0

    def card(self, x: Tensor) -> Card:
        """See `passes.Launcher`."""
        return Card(self.blocks)

    def prepare(self, made: Sequence[Kernel], x: Tensor) -> None:
        """See `passes.Launcher`."""

    def launch(self, made: Kernel, teams: int, run: ctypes.Structure, x: Tensor) -> None:
        """See `passes.Launcher`."""
        emulate = _compiled(made.text, made.name).emulate
        left = emulate(ctypes.byref(run), teams * made.tiles.team, made.tiles.shared, self.shuffled)
        assert left == 0, f"{left} threads wait for ever"


class EmulatedGpu(Gpu):
    """The backend, on any machine with g++."""

    def __init__(self, blocks: int = 3, shuffled: int = 0) -> None:
        super().__init__(Emulated(blocks, shuffled))

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """Nothing but what is traced."""
        return sequence.traced(x)


@cache
def _compiled(text: str, name: str) -> ctypes.CDLL:
    assert COMPILER
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "cell.cpp", Path(folder) / "cell.so"
        twin, end = ((HERE / file).read_text("utf-8") for file in ("emulated.h", "emulated_run.h"))
        source.write_text(text.replace('#include "device.h"', twin) + f"\n#define KERNEL {name}\n{end}", "utf-8")
        command = [COMPILER, "-std=c++17", "-O1", "-w", "-shared", "-fPIC", str(source), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        return ctypes.CDLL(str(made))
