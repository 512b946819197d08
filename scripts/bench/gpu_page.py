"""The page of what was measured on a card, from the rows that `scripts/bench_gpu` keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["write_page"]

HEAD = """# Performance on a GPU

Written by `scripts/bench_gpu --page` from [performance.json](performance.json), which `scripts/bench_gpu --json` has
measured on: {about}. Ours and the peer alternate in one run; times are medians; a ratio below 1 is faster than the
peer. {note}

## Training an LSTM or GRU beside cuDNN

One layer, forward and backward pass with all gradients, input size as hidden size; microseconds a time step of the
device (a CUDA graph of the whole step, for ours and for torch's module alike). "called" is the ratio where Python
calls the layer step by step, which a short sequence or a small layer leaves little else to do. The algorithm is what
torch likely asks cuDNN for. torch keeps no flat weights for bfloat16, so that its LSTM and GRU copy them at every call,
which is part of its time.

| cell | precision | B | T | H | ours | cuDNN | ratio | called | cuDNN's algorithm |
|---|---|---|---|---|---|---|---|---|---|
"""

OTHERS = """
## Beside other ways

| what | ours | peer | unit | ratio | goal | |
|---|---|---|---|---|---|---|
"""


def write_page(kept: Path, page: Path, note: str) -> None:
    """Write it."""
    found = json.loads(kept.read_text(encoding="utf-8"))
    lines = [_beside_cudnn(row) for row in found["rows"] if row["section"] == "cudnn"]
    others = [_other(row) for row in found["rows"] if row["section"] != "cudnn"]
    text = HEAD.format(about=found["about"], note=note) + "\n".join(lines) + "\n" + OTHERS + "\n".join(others) + "\n"
    page.write_text(text, encoding="utf-8")


def _beside_cudnn(row: dict[str, Any]) -> str:
    what, precision, *sizes = row["what"].split()
    numbers = " | ".join(size[1:] for size in sizes)
    called = row["about"]["called"].rsplit(" ", 1)[1]
    algorithm = row["about"]["cudnn"]
    times = f"{row['own']:.2f} | {row['peer']:.2f} | {row['ratio']:.2f}"
    return f"| {what} | {precision} | {numbers} | {times} | {called} | {algorithm} |"


def _other(row: dict[str, Any]) -> str:
    peer, ratio = ("", "") if row["peer"] is None else (f"{row['peer']:.4g}", f"{row['ratio']:.3f}")
    goal = "" if row["goal"] is None else f"{row['goal']:.3f}"
    about = ", ".join(f"{name} {value}" for name, value in row["about"].items())
    return f"| {row['what']} | {row['own']:.4g} | {peer} | {row['unit']} | {ratio} | {goal} | {about} |"
