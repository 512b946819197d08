"""Tiles: every way to spread a sequence over the card, timed; whence the constants of `recurrence/gpu/tiles.py`."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cellsearch.cell import Cell
from cellsearch.recurrence.gpu.passes import GpuBackward, GpuForward
from cellsearch.recurrence.gpu.source import Kernel, Pass, Precision, kernel
from cellsearch.recurrence.gpu.tiles import Sizes, Tiles, candidates
from cellsearch.recurrence.program.program import program
from cellsearch.recurrence.sequence import Given
from cellsearch_search_spaces import gated

from .gpu import DTYPES, Row, Shape, TimedLauncher, kernels_of, layer, precision

__all__ = ["kernels", "rows"]

STEPS = 64
CASES: list[tuple[Cell, Precision, int, int]] = [
    (gated.LSTM, name, B, H) for name in ("bfloat16", "tf32") for H in (128, 256, 512, 1024) for B in (32, 128)
] + [(gated.GRU, "tf32", 32, 128), (gated.GRU, "tf32", 128, 512), (gated.GRU, "bfloat16", 128, 1024)]


def kernels() -> Iterator[Kernel]:
    """What has to be compiled."""
    for cell, name, B, H in CASES:
        made = program(cell.resolved(H, H))
        for which, tiles in _ways(cell, name, B, H):
            yield kernel(made, which, _sizes(name, B, H), tiles, name)


def rows() -> Iterator[Row]:
    """Microseconds a step of each pass."""
    for cell, name, B, H in CASES:
        module, x, gradient = layer(cell, Shape(B, STEPS, H, H), precision(name))
        resolved = module.layers[0].cell
        learned = {n: {k: a.detach() for k, a in d.items()} for n, d in module.layers[0].learned().items()}  # type: ignore[operator]
        states = tuple(torch.zeros(B, H, device="cuda", dtype=x.dtype) for _ in resolved.states)  # type: ignore[union-attr]
        given = Given(resolved, learned, x.detach(), states)  # type: ignore[arg-type]
        needs = (False, tuple(False for _ in states), {n: dict.fromkeys(d, False) for n, d in learned.items()})
        if not kernels_of(cell, Shape(B, STEPS, H, H), name):
            continue
        plain = GpuForward(given, TimedLauncher(), saving=True)
        for which, tiles in _ways(cell, name, B, H):
            launcher = TimedLauncher()
            for _ in range(4):
                if which == "forward":
                    GpuForward(given, launcher, False, tiles)
                else:
                    list(GpuBackward(given, plain.kept(), needs, launcher, tiles).run_back(gradient, *states))
            about = {
                "team": tiles.team,
                "rows": tiles.rows,
                "threads": tiles.threads,
                "calls": [c[1:7] for c in tiles.calls],
            }
            yield Row("tiles", f"{cell.name} {which} {name} B{B} H{H}", launcher.median() * 1000 / STEPS, about=about)


def _ways(cell: Cell, name: Precision, B: int, H: int) -> Iterator[tuple[Pass, Tiles]]:
    made = program(cell.resolved(H, H))
    passes: tuple[tuple[Pass, tuple], ...] = (("forward", made.forward), ("reverse", made.reverse))  # type: ignore[type-arg]
    for which, groups in passes:
        for tiles in candidates(groups, _sizes(name, B, H)):
            if (B // tiles.rows * tiles.team >= 8 and tiles.threads == 256) or tiles.team in (1, 16, 64):
                yield which, tiles


def _sizes(name: Precision, B: int, H: int) -> Sizes:
    return Sizes(B, H, 4 if DTYPES[name] == torch.float32 else 2)
