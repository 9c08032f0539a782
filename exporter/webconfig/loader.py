"""The text of a web configuration to a ``WebConfig``: read strictly, converted, checked."""

from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from exporter.config.choices import unknown
from exporter.config.content import text_of
from exporter.config.conversion import convert
from exporter.config.document import Value, join, read_document
from exporter.config.wording import found
from exporter.errors import ConfigError
from exporter.secret import Secret
from exporter.webconfig.checks import TLS, USERS, check_headers, check_tls, check_users
from exporter.webconfig.durations import parse_go_duration
from exporter.webconfig.model import HttpServer, RateLimit, TlsServer, WebConfig

_HTTP: Final = "http_server_config"
_RATE: Final = "rate_limit"
_SECTIONS: Final = (TLS, _HTTP, USERS, _RATE)
# The format is read by a parser of YAML 1.1.
_BOOLEANS: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_BOOLEAN_KEYS: Final = ("http2", "prefer_server_cipher_suites")


class _Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    interval: str = "0"
    burst: int = 0


def parse_web_config(data: bytes, *, file: Path) -> WebConfig:
    """The web configuration in ``data``, the content of ``file``; nothing at all is plain HTTP.

    Raises:
        ConfigError: Something in it is wrong.
    """
    try:
        sections = _sections(text_of(data))
        tls = convert(sections[TLS], TlsServer, where=partial(_below, TLS))
        check_tls(tls)
        http = convert(sections[_HTTP], HttpServer, where=partial(_below, _HTTP))
        check_headers(http.headers)
        users = convert(sections[USERS], dict[str, Secret], where=partial(_below, USERS))
        check_users(users)
        rate = _rate_limit(sections[_RATE])
    except ConfigError as error:
        error.file = file
        raise
    return WebConfig(file=file, tls=tls, http=http, users=users, rate_limit=rate)


def _sections(text: str) -> dict[str, dict[str, Value]]:
    document = read_document(text, any_key=True)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError(f"expected a mapping, got {found(document)}")
    for key in document:
        if key not in _SECTIONS:
            path = key if key.isidentifier() else ""
            raise ConfigError(unknown("key", _SECTIONS, name=key), path=path)
    return {name: _section(document.get(name), name) for name in _SECTIONS}


def _section(value: Value, path: str) -> dict[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"expected a mapping, got {found(value)}", path=path)
    if path == USERS:
        return {key: "" if item is None else item for key, item in value.items()}
    for key in value:
        # Not shown: a slip of indentation can make a secret the key.
        if not key.isidentifier():
            raise ConfigError("unknown key; expected one of letters and _", path=path)
    # Nothing behind a key is the same as no key.
    given: dict[str, Value] = {key: item for key, item in value.items() if item is not None}
    for key in _BOOLEAN_KEYS:
        word = given.get(key)
        if isinstance(word, str) and word in _BOOLEANS:
            given[key] = _BOOLEANS[word]
    return given


def _rate_limit(section: dict[str, Value]) -> RateLimit:
    if isinstance(section.get("interval"), int | float):
        # Go would take a bare number for nanoseconds.
        section = section | {"interval": str(section["interval"])}
    rate = convert(section, _Rate, where=partial(_below, _RATE))
    try:
        interval = parse_go_duration(rate.interval)
    except ValueError as error:
        raise ConfigError(str(error), path=join(_RATE, "interval")) from None
    if rate.burst < 0 or (interval and not rate.burst):
        raise ConfigError(
            "expected a number from 1: with none at once, nothing would be answered",
            path=join(_RATE, "burst"),
        )
    return RateLimit(interval, rate.burst)


def _below(section: str, key: str) -> str:
    return join(section, key) if key else section
