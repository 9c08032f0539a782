"""What was expected and what was found, in words for a person."""

from collections.abc import Iterable
from typing import Final

from msgspec import inspect

from exporter.config.document import Value
from exporter.config.model import Duration

_SIMPLE: Final[dict[type[inspect.Type], str]] = {
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.ListType: "a list",
    inspect.VarTupleType: "a list",
    inspect.TupleType: "a list",
    inspect.SetType: "a list",
    inspect.FrozenSetType: "a list",
    inspect.DictType: "a mapping",
    inspect.StructType: "a mapping",
}


def expected(kind: inspect.Type) -> str:
    """``a whole number``, ``one of sha1, sha256``: what a value of the type looks like."""
    if isinstance(kind, inspect.UnionType):
        others = [item for item in kind.types if not isinstance(item, inspect.NoneType)]
        return " or ".join(dict.fromkeys(expected(item) for item in others))
    if names := choices(kind):
        return one_of(names)
    if isinstance(kind, inspect.CustomType):
        return "a duration such as 30s" if kind.cls is Duration else "text"
    return _SIMPLE.get(type(kind), "another value") + _limits(kind)


def choices(kind: inspect.Type) -> list[str]:
    """The only values of a type that lists them; empty for any other."""
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    return []


def one_of(values: Iterable[str]) -> str:
    """``one of a, b``; ``a`` when there is no other."""
    names = list(values)
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _limits(kind: inspect.Type) -> str:
    names = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))
    limits = [(word, getattr(kind, name, None)) for name, word in names]
    limits += [
        ("with at least this many characters:", getattr(kind, "min_length", None)),
        ("with at most this many characters:", getattr(kind, "max_length", None)),
    ]
    return "".join(f" {word} {limit}" for word, limit in limits if limit is not None)


def found(value: Value) -> str:
    """The kind of a value, never the value itself."""
    names: dict[type, str] = {
        type(None): "nothing",
        bool: "true or false",
        int: "a whole number",
        float: "a number with a fraction",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }
    return names[type(value)]


def hint(kind: inspect.Type, value: Value) -> str:
    """What to write instead, where that can be told."""
    textual = expected(kind) == "text"
    if textual and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if value is None:
        return '; write "" or leave the key out' if textual else "; leave the key out"
    return ""
