"""From C text to a loaded library: compiled by the system's compiler, kept on disk by its content.

The cache belongs to the user alone. A library's file ends with a digest of itself and of all that it was made from,
so that a truncated, foreign or outdated file is noticed and built again. Processes that want the same library at the
same time build it once.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import torch

from cellsearch.errors import BackendError
from cellsearch.recurrence.cache import folder, forget_old, sealed, unsealed

__all__ = ["compiler", "library", "text_of", "unavailable"]

SOURCES: Final = Path(__file__).parent / "c"
INCLUDED: Final = ("vector.h", "steps.h", "kernel.c")
PRECISIONS: Final = {torch.float32: "float", torch.float64: "double"}
NATIVE: Final = "-mcpu=native" if platform.machine() in ("aarch64", "arm64") else "-march=native"
FLAGS: Final = ("-std=gnu11", "-O2", NATIVE, "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared")

POSIX: Final = ("fork", "getuid", "uname")
"""Functions of `os` that tell a system on which libraries are made and kept as here."""


def unavailable() -> str | None:
    """Why no library can be made on this machine; None if one can."""
    if missing := [f"os.{name}" for name in POSIX if not hasattr(os, name)]:
        return (
            f"compiling needs a POSIX system such as Linux or macOS, and this one ({sys.platform}) has no {missing[0]}"
        )
    return None if compiler() else "there is no C compiler (cc, gcc or clang) on this machine"


@cache
def compiler() -> str | None:
    """The path of the system's C compiler: that of the variable CC, or `cc`, `gcc`, `clang`; None without one."""
    return next(
        (found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None
    )


@lru_cache(maxsize=512)
def library(text: str, dtype: torch.dtype) -> ctypes.CDLL:
    """The library of a C text for one precision. Raises BackendError with the compiler's words if it has any."""
    flags = (*FLAGS, "-fopenmp", f"-DREAL={PRECISIONS[dtype]}")
    made_from = "\n".join([text, *map(text_of, INCLUDED), *flags, str(compiler()), _machine()]).encode()
    key = hashlib.sha256(made_from).digest()
    path = folder() / f"{key.hex()}.so"
    try:
        while True:
            if not _is_whole(path, key):
                _build(path, key, text, flags)
                forget_old("*.so")
            with suppress(FileNotFoundError):  # another process has just removed it to make room
                os.utime(path)  # its time tells when it was last used
                return _loaded(path)
    except (OSError, NotImplementedError) as error:  # a full disk, a folder that may hold no programs, no file locks
        raise BackendError(f"the library of a recurrence cannot be made and loaded: {error}") from error


def _loaded(path: Path) -> ctypes.CDLL:
    """The library in a file. Raises FileNotFoundError where there is none, OSError where it is no library."""
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        path.stat()
        raise


@cache
def text_of(name: str) -> str:
    """A C file that all cells share, as text."""
    return (SOURCES / name).read_text("utf-8")


@cache
def _machine() -> str:
    """What tells whether a library that was compiled for another machine runs here: the processor and its abilities."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    about = os.stat(str(compiler()))
    return f"{platform.machine()} {abilities} {about.st_size} {about.st_mtime_ns}"


def _is_whole(path: Path, key: bytes) -> bool:
    return unsealed(path, key) is not None


def _build(path: Path, key: bytes, text: str, flags: tuple[str, ...]) -> None:
    from filelock import FileLock  # here, since the eager backend needs torch and networkx alone

    with FileLock(path.with_name(f"{path.name[:2]}.lock"), mode=0o600):  # 256 of them, so that they need no clearing
        if _is_whole(path, key):
            return
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            written, made = Path(folder) / "cell.c", Path(folder) / "cell.so"
            written.write_text(text, "utf-8")
            for name in INCLUDED:  # what the key was made from, even if the package is being replaced
                (Path(folder) / name).write_text(text_of(name), "utf-8")
            _compile([str(compiler()), *flags, str(written), "-o", str(made), "-lm"], folder)
            made.write_bytes(sealed(made.read_bytes(), key))
            made.chmod(0o700)
            made.replace(path)


def _compile(command: list[str], folder: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        words = done.stderr.replace(f"{folder}/", "").strip()[-500:] or f"exit status {done.returncode}"
        raise BackendError(f"{command[0]} cannot compile the recurrence: {words}")
