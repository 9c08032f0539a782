"""The ``defaults`` mapping: what may stand in it, and what of it goes to an account."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import inspect, structs

from exporter.config.checks import check_values
from exporter.config.choices import unknown
from exporter.config.conversion import convert
from exporter.config.document import Value, join
from exporter.config.model import Common
from exporter.config.ranges import FieldError
from exporter.errors import ConfigError
from exporter.secret import Secret

Options = Mapping[str, type[msgspec.Struct]]
"""Platform to the struct of its own account keys."""

PATH: Final = "defaults"
COMMON_KEYS: Final = tuple(field.encode_name for field in structs.fields(Common))
_IDENTITY: Final = frozenset({"name", "platform"})
_PLACEHOLDER: Final[dict[str, Value]] = {"name": "defaults", "platform": "defaults"}


class Defaults:
    """The checked ``defaults`` of a file."""

    def __init__(self, values: dict[str, Value], options: Options) -> None:
        """Check all that can be checked without an account.

        Raises:
            ConfigError: A key is unknown or belongs in an account, or a value does not fit.
        """
        self._values = values
        self._options = options
        for key, value in values.items():
            if key in _IDENTITY:
                raise _misplaced(key)
            if key not in COMMON_KEYS:
                self._check_vendor_key(key, value)
        self._check_common()

    def of(self, platform: str) -> dict[str, Value]:
        """What an account of the platform takes over: the common keys and those it has itself."""
        known = {*COMMON_KEYS, *option_keys(self._options[platform])}
        return {key: value for key, value in self._values.items() if key in known}

    def _check_vendor_key(self, key: str, value: Value) -> None:
        owners = [field for kind in self._options.values() for field in _fields(kind, key)]
        if not owners:
            raise ConfigError(unknown("key", self._allowed(), name=key), path=join(PATH, key))
        if not all(_may_be_default(kind, field) for kind, field in owners):
            raise _misplaced(key)
        for _, field in owners:
            convert(value, field.type, where=lambda below: _below(join(PATH, key), below))

    def _check_common(self) -> None:
        common = {key: value for key, value in self._values.items() if key in COMMON_KEYS}
        try:
            check_values(
                convert(common | _PLACEHOLDER, Common, where=lambda key: _below(PATH, key))
            )
        except FieldError as error:
            raise ConfigError(error.message, path=_below(PATH, error.field)) from None

    def _allowed(self) -> list[str]:
        vendor = [
            key
            for kind in self._options.values()
            for key in option_keys(kind)
            if all(_may_be_default(*owner) for owner in _fields(kind, key))
        ]
        return list(dict.fromkeys([key for key in COMMON_KEYS if key not in _IDENTITY] + vendor))


def option_keys(kind: type[msgspec.Struct]) -> list[str]:
    """The account keys of a vendor's struct."""
    return [field.encode_name for field in structs.fields(kind)]


def _fields(
    kind: type[msgspec.Struct], key: str
) -> list[tuple[type[msgspec.Struct], structs.FieldInfo]]:
    return [(kind, field) for field in structs.fields(kind) if field.encode_name == key]


def _may_be_default(kind: type[msgspec.Struct], field: structs.FieldInfo) -> bool:
    """Whether the key is neither an identity nor, anywhere in it, a secret."""
    identity: frozenset[str] = getattr(kind, "identity", frozenset())
    if field.required or field.encode_name in identity:
        return False
    return not _is_secret(field.encode_name, inspect.type_info(field.type))


def _is_secret(key: str, kind: inspect.Type) -> bool:
    if key.endswith("_file") or (isinstance(kind, inspect.CustomType) and kind.cls is Secret):
        return True
    if isinstance(kind, inspect.UnionType):
        return any(_is_secret(key, item) for item in kind.types)
    if isinstance(kind, inspect.StructType):
        return any(_is_secret(field.encode_name, field.type) for field in kind.fields)
    return False


def _misplaced(key: str) -> ConfigError:
    return ConfigError("belongs in each account, not in defaults", path=join(PATH, key))


def _below(path: str, key: str) -> str:
    if not key:
        return path
    return path + key if key.startswith("[") else join(path, key)
