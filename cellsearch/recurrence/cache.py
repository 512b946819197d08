"""The folder in which compiled code is kept: the user's alone, since whoever writes to it could run anything."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["CACHE", "DIGEST", "folder", "forget_old", "sealed", "unsealed"]

CACHE: Final = "CELLSEARCH_CACHE"
"""The environment variable that names the cache folder; without it, the user's cache directory has it."""

KEPT: Final = 8192
"""Files of a kind in the cache, at most: about 150 MB of libraries."""


DIGEST: Final = hashlib.sha256().digest_size
"""Bytes at the end of a file, by which one that is truncated, foreign or outdated is noticed."""


def sealed(content: bytes, key: bytes) -> bytes:
    """What a file holds of what was made from all that `key` is a digest of."""
    return content + hashlib.sha256(content + key).digest()


def unsealed(path: Path, key: bytes) -> bytes | None:
    """What was sealed with this key; None if the file is missing, or not just that."""
    try:
        held = path.read_bytes()
    except OSError:
        return None
    return held[:-DIGEST] if held == sealed(held[:-DIGEST], key) else None


def forget_old(pattern: str) -> None:
    """Remove the files that were not used for longest, once there are too many; who has one loaded keeps it."""
    found = list(folder().glob(pattern))
    if len(found) > KEPT:
        by_use = sorted(found, key=lambda path: path.stat().st_mtime)
        for path in by_use[: KEPT // 4]:
            path.unlink(missing_ok=True)


@cache
def folder() -> Path:
    """The cache folder, which nobody else can write to; a temporary one if there can be none."""
    try:
        given = os.environ.get(CACHE)
        base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cellsearch"
        made = base.absolute() / "native"
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.mkdir(mode=0o700, exist_ok=True)
        if _is_ours_alone(base, made):
            return made
        problem = f"others can write to {made}"
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        problem = str(error)
    logging.getLogger("cellsearch").warning(
        "compiled recurrences are not kept, since %s: set %s to a folder of yours alone", problem, CACHE
    )
    return _temporary()


def _is_ours_alone(base: Path, folder: Path) -> bool:
    """Whether nobody else can put a file into the folder, nor another folder in its place. Raises OSError."""
    about, mode = folder.stat(), base.stat().st_mode
    is_ours = about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    is_replaceable = mode & stat.S_IWOTH and not mode & stat.S_ISVTX
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to")
    return is_ours and not is_replaceable


def _temporary() -> Path:
    folder, owner = Path(tempfile.mkdtemp(prefix="cellsearch-")), os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder
