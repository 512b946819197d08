"""Templates of what a browser shows: all that comes from a study is escaped, and what nobody sees is marked."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["filled", "hashed", "visible"]

HERE: Final = Path(__file__).parent

CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no reader sees: it would steer a terminal or turn the direction of text. The page shows a mark in its place."""


def filled(template: Path, **values: Any) -> str:
    """A template with values. Those that are text are escaped, unless the template says that they are markup."""
    return _environment(template.parent).get_template(template.name).render(**values)


def visible(value: Any) -> Any:
    """A text without characters that nobody sees, and all texts within; markup is ours."""
    if isinstance(value, dict):
        return {key: visible(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [visible(each) for each in value]
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value


def hashed(script: str) -> str:
    """A script as a content security policy names it."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


@cache
def _environment(folder: Path) -> Environment:
    """Templates of a folder, and those that all share."""
    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": True, "allow_nan": False, "separators": (",", ":")}
    environment.filters["visible"] = visible
    return environment
