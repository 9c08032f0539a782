"""YAML text to plain values, strictly: what is doubtful is refused with its line.

PyYAML's constructors are left out on purpose. They let the last of two equal keys win, follow
aliases that grow without bound, and read ``on``, ``1:30`` and ``2024-01-01`` as something other
than text. Plain scalars here are null, true, false, decimal numbers and text.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import yaml

from exporter.errors import ConfigError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What a document may hold."""

MAX_DEPTH: Final = 16
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
# Fewer forms than YAML has: an id such as 0123 or 12e4 stays text.
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_MAX_DIGITS: Final = 18
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_HARMLESS_PROBLEM: Final = re.compile(r"(?:[^'\"]|'(?:<[a-z ]+>|[^\w\s]|\\t)')*")


def join(path: str, key: str | int) -> str:
    """The path of a key or of a list's item below ``path``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def read_document(text: str, *, any_key: bool = False) -> Value:
    """The values of the one document in ``text``; None when there is nothing in it.

    With ``any_key`` a key may be any text, such as the name of a user.

    Raises:
        ConfigError: With the line; with the key path where there is one.
    """
    try:
        return _Builder(yaml.parse(text, Loader=yaml.SafeLoader), any_key=any_key).document()
    except yaml.MarkedYAMLError as error:
        where, reason = _explain(error)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        where = f"line {before.count(chr(10)) + 1}, column {column}"
        reason = ": a control character"
    except (ValueError, OverflowError):
        # PyYAML lets these through for escapes such as "\UFFFFFFFF" and for overlong directives.
        where, reason = "an unknown place", ": an escape or a directive without meaning"
    raise ConfigError(f"not YAML at {where}{reason}")


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    mark: Any = error.problem_mark
    context: Any = error.context_mark
    reason = f": {_harmless(error.problem or 'no reason known')}"
    if context and context.line != mark.line:
        reason += f", in what begins in line {context.line + 1}"
    return _place(mark), reason


def _harmless(problem: str) -> str:
    """PyYAML's words without what they quote from the file, whose lines may hold a secret."""
    if _HARMLESS_PROBLEM.fullmatch(problem):
        return problem
    return re.split(r"(?:, but (?:found|got))? ['\"]", problem)[0]


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


class _Builder:
    """Builds values from the parser's events."""

    def __init__(self, events: Iterator[Any], *, any_key: bool) -> None:
        self._events = events
        self._any_key = any_key

    def document(self) -> Value:
        """The one document of the stream."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), path="", depth=0)
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise ConfigError(
                f"expected one YAML document, another begins at {_place(following.start_mark)}"
            )
        return value

    def _value(self, event: Any, *, path: str, depth: int) -> Value:
        self._refuse(event, path=path, depth=depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        if event.style is None:
            return _plain(event.value, path=path)
        return str(event.value)

    def _refuse(self, event: Any, *, path: str, depth: int) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            instead = "" if self._any_key else "; see defaults"
            what = f"YAML anchors and aliases are not supported{instead}"
        elif event.tag:
            what = "YAML tags are not supported"
        elif depth > MAX_DEPTH:
            what = f"nested deeper than {MAX_DEPTH} levels"
        else:
            return
        raise ConfigError(f"{what} ({_place(event.start_mark)})", path=path)

    def _sequence(self, path: str, depth: int) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, path=join(path, len(items)), depth=depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Value]:
        items: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path=path, depth=depth)
            line = event.start_mark.line + 1
            # Another one is not shown: a slip of indentation can make a secret the key.
            below = join(path, key) if _KEY.fullmatch(key) else path
            if key in lines:
                raise ConfigError(
                    f"duplicate key in line {line}, first in line {lines[key]}", path=below
                )
            lines[key] = line
            items[key] = self._value(next(self._events), path=below, depth=depth + 1)
        return items

    def _key(self, event: Any, *, path: str, depth: int) -> str:
        self._refuse(event, path=path, depth=depth)
        # Not shown: a slip of indentation or quotes can make a secret the key.
        is_text = isinstance(event, yaml.ScalarEvent)
        if not is_text or not (self._any_key or _KEY.fullmatch(event.value)):
            raise ConfigError(
                f"expected a key of letters, digits and _ at {_place(event.start_mark)}", path=path
            )
        return str(event.value)


def _plain(text: str, *, path: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ConfigError("expected fewer digits; put text in quotes", path=path)
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
