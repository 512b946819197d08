"""Mutations of text and of JSON, for the tests that feed readers with what almost is what they read."""

from __future__ import annotations

import random
from typing import Any

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    65,
    1.5,
    1e308,
    float("inf"),
    float("nan"),
    10**400,
    "",
    "x",
    "h",
    "h0",
    "h_prev_1",
    "h_new_0",
    "linear",
    "blend",
    "activation_tanh",
    "a\nb",
    "é\u2028",
    "\ud800",
    "n" * 10_000,
    "__import__('os').abort()",
    "${HOME} `id` %s {0}",
    "../../etc/passwd",
    [],
    {},
    ["x"] * 1000,
    {"op": "tanh", "operands": ["x"]},
    {"op": "linear", "input": ["x"]},
    [[[[[[[["x"]]]]]]]],
)
"""Values and keys that no writer of a cell would write in most places."""

PIECES = (
    "x",
    "h",
    "c",
    "null",
    "1e400",
    '"x"',
    "h_next",
    "1",
    "-1",
    "[]",
    "{}",
    ",",
    "range(10**9)",
    "__import__('os')",
)


COUNTS = (1, 1, 1, 2, 3)


def mutated_text(text: str, draw: random.Random) -> str:
    """The text after one to three of: a character replaced, deleted or repeated; a stretch cut, moved or replaced."""
    for _ in range(draw.choice(COUNTS)):
        if not text:
            return text
        start = draw.randrange(len(text))
        end = min(len(text), start + draw.randint(1, 30))
        place = draw.randrange(len(text))
        text = draw.choice(
            [
                text[:start] + draw.choice('{}[]()",:0123456789.-eExhc_\\ \n\x00é\ud800') + text[start + 1 :],
                text[:start] + text[start + 1 :],
                text[:start] + text[start] + text[start:],
                text[:start] + text[end:],
                text[:place] + text[start:end] + text[place:],
                text[:start],
                text[:start] + draw.choice(PIECES) + text[end:],
            ]
        )
    return text


def mutated_json(content: Any, draw: random.Random) -> Any:
    """The content, which is changed, after one to three of: a value replaced, dropped, doubled, moved or wrapped."""
    for _ in range(draw.choice(COUNTS)):
        places = list(_places(content))
        if not places:
            return content
        container, key = draw.choice(places)
        other, other_key = draw.choice(places)
        draw.choice([_replace, _drop, _rename, _wrap, _swap])(container, key, other, other_key, draw)
    return content


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or position) in the content."""
    found: list[tuple[Any, Any]] = []
    open_ = [content]
    while open_:
        each = open_.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found += [(each, key) for key in keys]
        # Some odd values are long lists, in which one place is as good as another.
        open_ += [each[key] for key in keys][:100]
    return found


def _replace(container: Any, key: Any, other: Any, other_key: Any, draw: random.Random) -> None:
    container[key] = _copied(draw.choice(ODD))


def _drop(container: Any, key: Any, other: Any, other_key: Any, draw: random.Random) -> None:
    del container[key]


def _rename(container: Any, key: Any, other: Any, other_key: Any, draw: random.Random) -> None:
    if isinstance(container, dict):
        container[draw.choice([str(each) for each in ODD if isinstance(each, str | int | None)])] = container.pop(key)
    else:
        container.append(_copied(container[key]))


def _wrap(container: Any, key: Any, other: Any, other_key: Any, draw: random.Random) -> None:
    container[key] = [container[key]] if draw.random() < 0.5 else {"op": container[key]}


def _swap(container: Any, key: Any, other: Any, other_key: Any, draw: random.Random) -> None:
    container[key] = _copied(other[other_key])


def _copied(value: Any) -> Any:
    """The value, its lists and objects new, so that nothing comes to hold itself."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
