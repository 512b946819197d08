"""CALLBACK on the command line: `tensorboard`, `mlflow`, or a reference to what makes one of a study's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cellsearch import plugins
from cellsearch.errors import UnknownNameError
from cellsearch.study.callback import Callback

__all__ = ["find_callback"]

OURS: Final[Mapping[str, tuple[str, str]]] = {
    "tensorboard": ("cellsearch.study.callbacks.tensorboard", "TensorBoard"),
    "mlflow": ("cellsearch.study.callbacks.mlflow", "MLflow"),
}
"""Module and class by name, loaded when they are asked for."""


def find_callback(reference: str, study: Path) -> Callback:
    """The callback of a name, or what a reference such as my_file.py:CALLBACK makes of the study's folder.

    Raises UnknownNameError, in one line, of what there is not or what makes no callback.
    """
    if reference in OURS:
        module, name = OURS[reference]
        try:
            found = getattr(import_module(module), name)
        except ImportError as error:
            raise UnknownNameError(
                f"callback {reference!r} needs {error.name}; run: pip install 'cellsearch[metrics]'"
            ) from None
    elif ":" in reference:
        found = plugins.load(plugins.CALLBACKS, reference)
    else:
        raise UnknownNameError(
            f"unknown callback {reference!r}; use {', '.join(OURS)}, or a reference such as my_file.py:CALLBACK"
        )
    return _made(reference, found, study)


def _made(reference: str, make: Callable[[Path], Any], study: Path) -> Callback:
    callback = make(study) if callable(make) else None
    if not all(callable(getattr(callback, name, None)) for name in ("report", "end")):
        raise UnknownNameError(
            f"callback {reference!r} makes no callback of a study's folder; name a class or function that does"
        )
    found: Callback = callback
    return found
