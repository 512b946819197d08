"""A launcher that runs kernels on the processor: the same text, compiled as C++ with `emulated.h` for `device.h`."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from cellsearch.recurrence.gpu.source import Kernel
from cellsearch.recurrence.gpu.tiles import Card

HERE = Path(__file__).parent


@dataclass
class Emulated:
    """`shuffled` other than 0 draws the threads' order."""

    shuffled: int = 0

    def card(self, x: Tensor) -> Card:
        return Card()

    def launch(self, made: Kernel, teams: int, run: ctypes.Structure, x: Tensor) -> None:
        library = _compiled(made.text, made.name)
        left = library.emulate(
            ctypes.byref(run), teams * made.tiles.team, made.tiles.shared, ctypes.c_int(self.shuffled)
        )
        assert left == 0, f"{left} threads wait for ever"


@lru_cache(maxsize=None)
def _compiled(text: str, name: str) -> ctypes.CDLL:
    folder = Path(tempfile.mkdtemp())
    text = text.replace('#include "device.h"', (HERE / "emulated.h").read_text("utf-8"))
    source = folder / "cell.cpp"
    source.write_text(f"{text}\n#define KERNEL {name}\n{(HERE / 'emulated_run.h').read_text('utf-8')}", "utf-8")
    made = folder / "cell.so"
    command = ["g++", "-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", str(source), "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(made))
