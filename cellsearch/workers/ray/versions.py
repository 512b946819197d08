"""The versions that a training's numbers depend on: whether a machine of the cluster has those of the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["differences", "teller"]


def teller() -> Callable[[], dict[str, str]]:
    """A function that tells what is installed where it runs.

    It is made inside of another, so that its code itself travels: a machine may have no cellsearch to find it in.
    """

    def tell() -> dict[str, str]:
        import importlib.metadata
        import importlib.util
        import sys

        found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        for package in ("torch", "cellsearch"):
            there = importlib.util.find_spec(package) is not None
            # Builds for a card and for none, as 2.13.0+cpu, train alike.
            found[package] = importlib.metadata.version(package).partition("+")[0] if there else "none"
        return found

    return tell


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """What differs, as `torch 2.12.0 there, 2.13.0 here`; empty if nothing does."""
    return ", ".join(
        f"{name} {there.get(name)} there, {here[name]} here" for name in here if there.get(name) != here[name]
    )
