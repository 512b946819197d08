"""The C runtime compiled as the tests want it: for one instruction set and one precision, once a process."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import torch
from torch import Tensor

import cellsearch.recurrence
from cellsearch.recurrence.native.build import NATIVE

__all__ = ["TARGETS", "Target", "address", "compiled"]

FOLDER: Final = Path(cellsearch.recurrence.__file__).parent / "native" / "c"
NAMES: Final = {torch.float32: "float", torch.float64: "double"}
SUFFIXES: Final = {torch.float32: "_f32", torch.float64: "_f64"}
OPTIONS: Final = {
    "native": NATIVE,
    "avx2": "-march=x86-64-v3",
    "sse2": "-march=x86-64",
    "plain": "-march=x86-64 -U__SSE2__ -DPLAIN",
}
"""The compiler's options for each instruction set; `plain` is the code for processors without instructions of ours."""


@dataclass(frozen=True)
class Target:
    """What to compile for: an instruction set and a precision."""

    instructions: str
    dtype: torch.dtype

    def __str__(self) -> str:
        return f"{self.instructions}-{NAMES[self.dtype]}"

    @property
    def epsilon(self) -> float:
        return torch.finfo(self.dtype).eps

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.dtype]


TARGETS: Final = [Target(instructions, dtype) for instructions in OPTIONS for dtype in NAMES]


def compiled(text: str, target: Target) -> ctypes.CDLL:
    """The library of a C text that may include `vector.h` and `kernel.c`; skips the test where it cannot be run."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    if target.instructions != "native" and torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("the processor is not an x86-64 with AVX2")
    return _compiled(text, target)


@cache
def _compiled(text: str, target: Target) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "source.c", Path(folder) / "library.so"
        source.write_text(text)
        options = f"-std=gnu11 -Wall -Wextra -Werror -O2 -fno-math-errno -fPIC -shared {OPTIONS[target.instructions]}"
        defined = f"-DREAL={NAMES[target.dtype]}"
        command = ["cc", *options.split(), defined, f"-I{FOLDER}", str(source), "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))


def address(tensor: Tensor) -> ctypes.c_void_p:
    """Where a tensor's numbers begin, as a C function wants it."""
    return ctypes.c_void_p(tensor.data_ptr())
