"""What the sections of `scripts/bench_gpu` share: kernels compiled ahead by all processors, and times of the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cellsearch.cell import Cell
from cellsearch.recurrence import RNN
from cellsearch.recurrence.gpu.build import kept
from cellsearch.recurrence.gpu.passes import CudaLauncher
from cellsearch.recurrence.gpu.source import Kernel, Precision, kernel
from cellsearch.recurrence.gpu.tiles import Card, Sizes, choose_tiles
from cellsearch.recurrence.program.program import program
from cellsearch.recurrence.structured import plain

__all__ = [
    "ARCHITECTURE",
    "Row",
    "Shape",
    "TimedLauncher",
    "as_called",
    "beside",
    "captured",
    "compile_ahead",
    "kernels_of",
    "precision",
    "training_step",
]

ARCHITECTURE = "sm_90"
DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class Shape(NamedTuple):
    """Batch, steps, input and hidden size."""

    B: int
    T: int
    I: int  # noqa: E741
    H: int


@dataclass
class Row:
    """One line of the table: ours, the peer's and their ratio, in the unit; the goal is the most the ratio may be."""

    section: str
    what: str
    own: float
    peer: float | None = None
    goal: float | None = None
    unit: str = "us/step"
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's."""
        return None if self.peer is None else self.own / self.peer

    def __str__(self) -> str:
        peer = "" if self.peer is None else f"{self.peer:10.3f}{self.own / self.peer:8.2f}"
        goal = "" if self.goal is None else f" <= {self.goal:g}"
        about = " ".join(f"{name}={value}" for name, value in self.about.items())
        return f"{self.section:<10}{self.what:<44}{self.own:10.3f}{peer} {self.unit}{goal}  {about}"


def precision(name: Precision) -> torch.dtype:
    """Set torch to a precision of float32 products; the type of arrays."""
    torch.set_float32_matmul_precision("highest" if name == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = name != "float32"
    return DTYPES[name]


def kernels_of(cell: Cell, shape: Shape, name: Precision, share: int = 1) -> list[Kernel]:
    """The kernels of both passes at these sizes on such a part of the card; none if they do not fit."""
    resolved = plain(cell.resolved(shape.I, shape.H))
    made = program(resolved)
    sizes = Sizes(shape.B, shape.H, 4 if DTYPES[name] == torch.float32 else 2)
    found = []
    for which, groups in (("forward", made.forward), ("reverse", made.reverse)):
        chosen = choose_tiles(groups, sizes, Card(Card().blocks // share))
        if chosen is None:
            return []
        found.append(kernel(made, which, sizes, chosen, name))  # type: ignore[arg-type]
    return found


def compile_ahead(kernels: Iterable[Kernel]) -> float:
    """Compile into the cache by all processors, before CUDA is asked for anything; seconds."""
    begun = time.perf_counter()
    texts = list(dict.fromkeys(each.text for each in kernels))
    with ProcessPoolExecutor() as pool:
        list(pool.map(_compiled, texts, chunksize=2))
    return time.perf_counter() - begun


def _compiled(text: str) -> int:
    return len(kept(text, ARCHITECTURE))


class TimedLauncher(CudaLauncher):
    """Keeps the times of kernels on the device, in milliseconds."""

    def __init__(self) -> None:
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def launch(self, made: Kernel, teams: int, run: Any, x: Tensor) -> None:
        """Launch between two events."""
        begun, ended = _events()
        begun.record()
        super().launch(made, teams, run, x)
        ended.record()
        self.events.append((begun, ended))

    def median(self) -> float:
        """Of all launches but the first."""
        torch.cuda.synchronize()
        return float(statistics.median(begun.elapsed_time(ended) for begun, ended in self.events[1:]))


def _events() -> tuple[torch.cuda.Event, torch.cuda.Event]:
    return torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def training_step(module: nn.Module, x: Tensor, gradient: Tensor) -> Callable[[], None]:
    """One forward and backward pass of a module, as a loop would call it."""

    def step() -> None:
        module.zero_grad()
        x.grad = None
        outputs, _ = module(x)
        outputs.backward(gradient)

    return step


def as_called(step: Callable[[], None], count: int = 10) -> float:
    """Milliseconds a call, several in a row: the larger of the host's and the device's time."""
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(count):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) * 1000 / count


def captured(step: Callable[[], None]) -> Callable[[], float]:
    """The step as a graph; a call gives the milliseconds of one replay on the device, the mean of five."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay() -> float:
        begun, ended = _events()
        begun.record()
        for _ in range(5):
            graph.replay()
        ended.record()
        ended.synchronize()
        return float(begun.elapsed_time(ended)) / 5

    return replay


def beside(own: Callable[[], float], peer: Callable[[], float], rounds: int = 5) -> tuple[float, float]:
    """Medians of both, taken in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    own(), peer()
    for _ in range(rounds):
        times[0].append(own())
        times[1].append(peer())
    return statistics.median(times[0]), statistics.median(times[1])


def layer(cell: Cell, shape: Shape, dtype: torch.dtype) -> tuple[RNN, Tensor, Tensor]:
    """A layer on the card, a random input that wants its gradient, and a random gradient of the outputs."""
    torch.manual_seed(0)
    x = torch.randn(shape.T, shape.B, shape.I, device="cuda", dtype=dtype, requires_grad=True)
    gradient = torch.randn(shape.T, shape.B, shape.H, device="cuda", dtype=dtype)
    return RNN(cell, shape.I, shape.H, device="cuda", dtype=dtype), x, gradient
