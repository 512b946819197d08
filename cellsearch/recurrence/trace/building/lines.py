"""Lines of the user's source: where an operation of the graph, or an error, comes from."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import torch
from torch import fx, nn

from cellsearch.errors import TraceError

__all__ = ["Line", "UnsupportedError", "forward_line", "is_torchs", "line_of", "user_line"]

TORCH: Final = str(Path(torch.__file__).parent) + "/"
"""Folder of torch: whose lines are no user's."""

HERE: Final = str(Path(__file__).parents[1]) + "/"
STANDARD: Final = str(Path(inspect.__file__).parent) + "/"


class UnsupportedError(Exception):
    """Why something cannot be expressed; whoever knows the line of source makes a TraceError of it."""


@dataclass(frozen=True)
class Line:
    """A line of the user's source, and the one that it was called from."""

    file: str
    number: int
    text: str
    caller: Line | None = None

    def refusal(self, reason: str) -> TraceError:
        """The error that names the line and the reason."""
        return TraceError(f"{self}: {reason}")

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: `{self.text}`"


def line_of(node: fx.Node, module: nn.Module) -> Line:
    """The user's line that a node of the graph comes from; that of `forward` where only torch's own led to it."""
    line = None
    for file, number, text in re.findall(r'File "(.+)", line (\d+), in .+\n(.*)', node.meta.get("stack_trace") or ""):
        if not file.startswith((TORCH, HERE, "torch/")):
            line = Line(file, int(number), text.strip(), caller=line)
    return line or forward_line(module)


def forward_line(module: nn.Module) -> Line:
    """The line on which the module's `forward` begins."""
    code = inspect.unwrap(type(module).forward).__code__
    text = linecache.getline(code.co_filename, code.co_firstlineno).strip()
    return Line(code.co_filename, code.co_firstlineno, text)


def user_line(trace: TracebackType | None) -> Line | None:
    """The innermost of the user's lines that led to an error, if any did."""
    frames = [f for f in traceback.extract_tb(trace) if not f.filename.startswith((TORCH, HERE, STANDARD, "<"))]
    if not frames:
        return None
    last = frames[-1]
    return Line(last.filename, last.lineno or 0, (last.line or "").strip())


def is_torchs(kind: type) -> bool:
    """Whether a class is torch's own, or Python's."""
    return kind is object or kind.__module__.split(".")[0] == "torch"
