"""The GPU backend: the whole time loop as one kernel that was written for this cell and size, and compiled here.

`tiles` says how a sequence is spread over the card, `source` writes the program as CUDA, `build` compiles, caches and
launches, `passes` runs both kernels and the products around them. The folder `c` is what all kernels share.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.recurrence import sequence
from cellsearch.recurrence.eager.backend import EAGER
from cellsearch.recurrence.gpu.build import unavailable
from cellsearch.recurrence.gpu.passes import CudaLauncher, GpuBackward, GpuForward, Launcher, made_kernel, precision_of
from cellsearch.recurrence.gpu.tiles import Sizes
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.program.lowering import foreign
from cellsearch.recurrence.sequence import Given, Kept, Needs

__all__ = ["GPU"]

DTYPES: Final = (torch.float32, torch.bfloat16, torch.float16)
LEAST: Final = (8, 0)
"""The compute capability from which cards have the matrix instructions and copies that kernels use."""


class Gpu:
    """x: [T, B, I] time, batch, input; states and outputs: [.., B, H]. float32, bfloat16 and float16 on an NVIDIA card.

    Where the card cannot hold a layer's weights, the eager plan runs it.
    """

    name = "gpu"

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher

    def refuses(self, cell: Cell, x: Tensor) -> str | None:
        """What has no kernel: another device or precision, an operation of a user, a card that is too old."""
        if reason := sequence.traced(x):
            return reason
        if x.device.type != "cuda":
            return f"it runs on NVIDIA cards, and the input is on {x.device}"
        if x.dtype not in DTYPES:
            return f"it computes in float32, bfloat16 and float16, not in {str(x.dtype).removeprefix('torch.')}"
        if operation := foreign(cell):
            return f"operation {operation!r} is a function of torch tensors, for which no CUDA can be written"
        if torch.cuda.get_device_capability(x.device) < LEAST:
            return f"{torch.cuda.get_device_name(x.device)} is older than compute capability {LEAST[0]}.{LEAST[1]}"
        return unavailable()

    def run(self, cell: Cell, parameters: Parameters, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Outputs and last states, all steps in one launch."""
        return sequence.run(self, cell, parameters, x, states)

    def forward(self, given: Given, saving: bool) -> tuple[Tensor, States, Kept]:
        """See `sequence.Passes`."""
        if not self.fits(given):
            return EAGER.forward(given, saving)
        with torch.cuda.device_of(given.x):  # type: ignore[no-untyped-call]
            forward = GpuForward(given, self.launcher, saving)
            return forward.output(), forward.last(), forward.kept() if saving else {}

    def backward(
        self, given: Given, kept: Kept, needs: Needs, gradients: tuple[Tensor, ...]
    ) -> Iterable[Tensor | None]:
        """See `sequence.Passes`."""
        if not self.fits(given):
            return EAGER.backward(given, kept, needs, gradients)
        with torch.cuda.device_of(given.x):  # type: ignore[no-untyped-call]
            return [*GpuBackward(given, kept, needs, self.launcher).run_back(*gradients)]

    def fits(self, given: Given) -> bool:
        """Whether the card can hold both passes."""
        x = given.x
        sizes = Sizes(x.shape[1], given.states[0].shape[1], x.element_size())
        card, precision = self.launcher.card(x), precision_of(x.dtype)
        return all(made_kernel(given.cell, name, sizes, precision, card) for name in ("forward", "reverse"))


GPU: Final = Gpu(CudaLauncher())
