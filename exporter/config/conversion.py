"""Plain values to typed ones; msgspec's errors are translated here and nowhere else."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from exporter.config.choices import suggestion
from exporter.config.document import Value, join
from exporter.config.durations import parse_duration
from exporter.config.model import Duration
from exporter.config.ranges import FieldError
from exporter.config.wording import choices, expected, found, hint
from exporter.errors import ConfigError
from exporter.secret import Secret

T = TypeVar("T")
Keys = Sequence[str | int]

_PLACE: Final = re.compile(r"(?P<what>.*) - at `\$(?P<path>[^`]*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")


def convert(value: Value, kind: type[T], *, where: Callable[[str], str]) -> T:
    """The value as a ``kind``.

    Args:
        value: Plain values of the document.
        kind: What the value shall be.
        where: Gives the path in the file for a key path below the value, such as ``refresh.active``
            or, for the value as a whole, an empty one.

    Raises:
        ConfigError: The value does not fit.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        key, message = _explain(error, value, inspect.type_info(kind))
    raise ConfigError(message, path=where(key))


def _decode(kind: type, value: Any) -> Any:
    if kind is Duration:
        return _duration(value)
    if kind is Secret or kind is Path:
        if isinstance(value, str):
            return kind(value)
        raise ValueError(f"expected text, got {found(value)}{hint(inspect.StrType(), value)}")
    raise NotImplementedError(f"no conversion to {kind.__name__}")


def _duration(value: Value) -> Duration:
    if isinstance(value, str):
        return Duration(parse_duration(value))
    if type(value) is int and value == 0:
        return Duration(0)
    if type(value) in {int, float}:
        raise ValueError("expected a duration with its unit, such as 30s, got a bare number")
    raise ValueError(f"expected a duration such as 30s, got {found(value)}")


def _explain(error: msgspec.ValidationError, value: Value, kind: inspect.Type) -> tuple[str, str]:
    """The key path below the value, and the message."""
    place = _PLACE.fullmatch(str(error))
    what, path = (place["what"], place["path"]) if place else (str(error), "")
    # A mapping with free keys is told as a whole: msgspec does not say which key it was.
    path, free, _ = path.partition("[...]")
    keys: list[str | int] = [name or int(index) for name, index in _STEP.findall(path)]
    for key in keys:
        kind, value = _step(kind, value, key)
    if error.__cause__ is not None:
        field, message = _refusal(error.__cause__, _structured(kind, value))
        return key_path([*keys, *field]), message
    if free:
        wanted = getattr(kind, "value_type", inspect.AnyType())
        return key_path(keys), f"expected {expected(wanted)} under each key"
    for pattern, describe in ((_UNKNOWN, _unknown_key), (_MISSING, _missing_key)):
        if match := pattern.fullmatch(what):
            return key_path([*keys, match[1]]), describe(kind, value, match[1])
    return key_path(keys), _mismatch(what, kind, value)


def _refusal(cause: BaseException, struct: inspect.Type) -> tuple[list[str], str]:
    """The key and the message of an error that a type's own check raised.

    The vendors' structs raise plain ``ValueError`` and put the key, when it is one, in front.
    """
    if isinstance(cause, FieldError):
        return [cause.field], cause.message
    key, colon, message = str(cause).partition(": ")
    names = [field.encode_name for field in getattr(struct, "fields", ())]
    if colon and re.split(r"[.\[]", key)[0] in names:
        return [key], message
    return [], str(cause)


def key_path(keys: Keys) -> str:
    """``refresh.active`` or ``collect[0]``."""
    path = ""
    for key in keys:
        path = join(path, key)
    return path


def _step(kind: inspect.Type, value: Value, key: str | int) -> tuple[inspect.Type, Value]:
    if isinstance(key, int):
        item = value[key] if isinstance(value, list) else None
        return getattr(_structured(kind, value), "item_type", inspect.AnyType()), item
    item = value.get(key) if isinstance(value, dict) else None
    return _field(kind, value, key), item


def _field(kind: inspect.Type, value: Value, key: str) -> inspect.Type:
    """The type of a struct's key; of a tag, the literal of all tags."""
    tags = _tags(kind)
    if key in tags:
        return inspect.LiteralType(tags[key])
    struct = _structured(kind, value)
    if isinstance(struct, inspect.StructType):
        for field in struct.fields:
            if field.encode_name == key:
                return field.type
    return inspect.AnyType()


def _structs(kind: inspect.Type) -> list[inspect.StructType]:
    kinds: tuple[inspect.Type, ...] = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [item for item in kinds if isinstance(item, inspect.StructType)]


def _tags(kind: inspect.Type) -> dict[str, tuple[Any, ...]]:
    tagged = [struct for struct in _structs(kind) if struct.tag_field]
    if not tagged:
        return {}
    return {str(tagged[0].tag_field): tuple(struct.tag for struct in tagged)}


def _structured(kind: inspect.Type, value: Value) -> inspect.Type:
    """Of a union, the alternative that the value's tag names, or the one with parts."""
    if not isinstance(kind, inspect.UnionType):
        return kind
    structs = _structs(kind)
    for struct in structs:
        if isinstance(value, dict) and value.get(struct.tag_field or "") == struct.tag:
            return struct
    lists = [item for item in kind.types if hasattr(item, "item_type")]
    return next(iter([*structs, *lists]), kind)


def _unknown_key(kind: inspect.Type, value: Value, key: str) -> str:
    struct = _structured(kind, value)
    names = [field.encode_name for field in getattr(struct, "fields", ())]
    return f"unknown key; {suggestion(key, [*_tags(kind), *names])}"


def _missing_key(kind: inspect.Type, value: Value, key: str) -> str:
    return f"missing; expected {expected(_field(kind, value, key))}"


def _mismatch(what: str, kind: inspect.Type, value: Value) -> str:
    wanted = expected(kind)
    if what.startswith("Invalid ") and isinstance(value, str):
        close = suggestion(value, choices(kind), list_all=False)
        return f"expected {wanted}" + (f"; {close}" if close else "")
    if ", got " not in what:
        shown = f", got {value}" if isinstance(value, int | float) else ""
        return f"expected {wanted}{shown}"
    return f"expected {wanted}, got {found(value)}{hint(kind, value)}"
