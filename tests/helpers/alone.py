"""Runs an exported file, or a program that uses one, where nothing but its runtime can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["TORCH", "TORCH_EXPORT", "run"]

TORCH = ("torch", "torchgen", "functorch", "typing_extensions", "sympy", "mpmath", "numpy")
"""torch, and what torch itself imports."""

TORCH_EXPORT = (*TORCH, "filelock", "networkx", "jinja2", "markupsafe", "fsspec", "setuptools")
"""The same for `torch.export`: all that pip installs with torch."""

ALONE = """
import runpy, sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
class Alone:
    allowed = set(sys.argv.pop(1).split(","))
    find_distributions = staticmethod(PathFinder.find_distributions)
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names | self.allowed or top.startswith("_"):
            return PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Alone()]
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def run(path: Path, *arguments: str, alone: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a file with arguments; `alone` names the packages that it may import beside Python's own."""
    program = ["-c", ALONE, ",".join(alone), str(path)] if alone else [str(path)]
    command = [sys.executable, "-I", *program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
