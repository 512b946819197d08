"""What a notebook shows of an object. Who draws knows the objects, not they him: the package's face hands him in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

__all__ = ["Drawn", "Shown", "show_with"]

Form = Literal["html", "svg", "latex"]

Painter = Callable[[object, Form], str]

_painters: list[Painter] = []


def show_with(painter: Painter) -> None:
    """From now on `painter` says what objects look like."""
    _painters[:] = [painter]


class Shown:
    """An object that a notebook shows as HTML: its tables and plots."""

    def _repr_html_(self) -> str:
        return _painters[0](self, "html")


class Drawn(Shown):
    """One that has a picture and equations, too, for whatever shows these."""

    def _repr_svg_(self) -> str:
        return _painters[0](self, "svg")

    def _repr_latex_(self) -> str:
        return _painters[0](self, "latex")
