"""What a type cannot say of a value: zones, expressions, addresses, files, pairs of keys."""

import re
import zoneinfo
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from exporter.config.choices import quoted, suggestion
from exporter.config.model import COLLECTORS, Common, Config
from exporter.config.ranges import FieldError
from exporter.errors import ConfigError

_LONGEST_NAME: Final = 100


def check_values(common: Common) -> None:
    """Check each common key by itself.

    Raises:
        FieldError: The first that is of no use.
    """
    _check_name(common.name)
    for field in ("include", "exclude"):
        _check_pattern(f"tasks.{field}", getattr(common.tasks, field))
    _check_collect(common.collect)
    _check_zone(common.timezone)
    if common.proxy_url is not None and not _is_proxy(common.proxy_url.reveal()):
        raise FieldError("proxy_url", "expected http://host:port or https://host:port")


def check_together(common: Common) -> None:
    """Check the common keys that exclude or need one another.

    Raises:
        FieldError: The first that contradicts another.
    """
    if common.proxy_url is not None and common.proxy_from_environment:
        raise FieldError(
            "proxy_from_environment",
            "expected only one of proxy_url and proxy_from_environment; "
            "proxy_url: null drops the one of defaults",
        )
    tls = common.tls_config
    for given, needed in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(tls, given) and not getattr(tls, needed):
            raise FieldError(f"tls_config.{given}", f"expected {needed} beside it")


def check_files(config: Config) -> None:
    """Check that the files of every ``tls_config`` are there and can be read; blocking.

    Secret files are the vendors': see ``SourceType.check``.

    Raises:
        ConfigError: At the first file that cannot be read.
    """
    for account in config.accounts:
        for field, name in account.common.tls_config.files.items():
            if problem := _unreadable(name):
                path = account.where(f"tls_config.{field}")
                raise ConfigError(f"cannot read {name}: {problem}", path=path, file=config.file)


def _unreadable(name: str) -> str | None:
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        return error.strerror
    return None


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise FieldError(
            "name",
            f"expected 1 to {_LONGEST_NAME} printable characters, no blank at either end",
        )


def _check_pattern(field: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        place = "" if error.pos is None else f" at character {error.pos + 1}"
        raise FieldError(field, f"expected a regular expression: {error.msg}{place}") from None
    except (OverflowError, RecursionError):
        raise FieldError(field, "expected a smaller regular expression") from None


def _check_collect(collect: tuple[str, ...]) -> None:
    for index, name in enumerate(collect):
        field = f"collect[{index}]"
        if name not in COLLECTORS:
            message = f"unknown collector {quoted(name)}; {suggestion(name, COLLECTORS)}"
            raise FieldError(field, message)
        if name in collect[:index]:
            raise FieldError(field, f"{name} is in the list twice")


def _check_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        close = suggestion(name, sorted(zoneinfo.available_timezones()), list_all=False)
        wanted = close or "expected one such as Asia/Shanghai"
        raise FieldError("timezone", f"unknown time zone {quoted(name)}; {wanted}") from None


def _is_proxy(text: str) -> bool:
    if not text.isprintable() or " " in text:
        return False
    try:
        url = urlsplit(text)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    return usable and url.path in {"", "/"} and not url.query and not url.fragment
