"""The committed dashboards, as the tests of this folder read them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
NAMES = ("overview", "task", "exporter")
LANGUAGES = ("en", "zh")
FILES = [f"{language}/{name}.json" for language in LANGUAGES for name in NAMES]


def board(file: str) -> dict[str, Any]:
    """One dashboard; each time an object of its own."""
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def panel(document: dict[str, Any], title: str) -> dict[str, Any]:
    """The panel with a title."""
    (found,) = (one for one in document["panels"] if one["title"] == title)
    return found


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside a document, with its path."""
    yield path, value
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, one in inside:
        yield from nodes(one, f"{path}/{key}")


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two documents differ, with the values there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}/{place}")
    elif one != other:
        yield path, one, other
