"""Where real data lies beside a checkout; what reads it skips where it is missing, with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

SHARED = Path(os.environ.get("CELLSEARCH_SHARED", ROOT.parent / "shared")) / "data"


def shared(name: str) -> str:
    """The path of a file or folder of ../shared/data, as a task's option."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {path}: real data is not beside this checkout")
    return str(path)
