"""The web configuration and the files that it names, read as one: what they held at one look."""

import errno
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter.config.content import read_capped
from exporter.errors import ConfigError
from exporter.secret import Secret
from exporter.webconfig.checks import TLS
from exporter.webconfig.loader import parse_web_config
from exporter.webconfig.model import WebConfig


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file could not be read."""

    file: Path
    why: str


Content = Secret | Problem
"""What a file held, as text of one character a byte: equal when the file is."""

_NOTHING: Final = Secret("")
# What this process lacks says nothing of a file.
_LACKING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look saw. Two are equal when nothing changed in between.

    ``config`` is None, and ``broken`` says why, when the web configuration is of no use. ``text``
    is what both were read from.
    """

    text: Content = _NOTHING
    config: WebConfig | None = field(default=None, compare=False)
    broken: ConfigError | None = field(default=None, compare=False)
    cert: Content = _NOTHING
    key: Content = _NOTHING
    client_ca: Content = _NOTHING


def look_at(file: Path, before: Look) -> Look:
    """Read the web configuration and what it names; blocking, so call it in a thread.

    What is the same as at the look before is not parsed again.

    Raises:
        OSError: There is no descriptor or memory left to look with.
    """
    text = _read(file)
    if text == before.text and (before.config or before.broken):
        config, broken = before.config, before.broken
    else:
        config, broken = _parsed(text, file)
    if config is None:
        return Look(text=text, broken=broken)
    tls = config.tls
    return Look(
        text=text,
        config=config,
        cert=_content(file, tls.cert_file, tls.cert),
        key=_content(file, tls.key_file, tls.key.reveal()),
        client_ca=_content(file, tls.client_ca_file, tls.client_ca),
    )


def bytes_of(content: Content, key: str, config: WebConfig) -> bytes:
    """What a file held.

    Args:
        content: One of a look.
        key: Where it was named, such as ``cert_file``.
        config: The configuration that names it.

    Raises:
        ConfigError: It could not be read.
    """
    if isinstance(content, Problem):
        message = f"cannot read {content.file}: {content.why}"
        raise ConfigError(message, path=f"{TLS}.{key}", file=config.file)
    return content.reveal().encode("latin-1")


def _parsed(text: Content, file: Path) -> tuple[WebConfig | None, ConfigError | None]:
    if isinstance(text, Problem):
        return None, ConfigError(f"cannot read the file: {text.why}", file=file)
    try:
        return parse_web_config(text.reveal().encode("latin-1"), file=file), None
    except ConfigError as error:
        return None, error


def _content(beside: Path, name: str, inline: str) -> Content:
    if not name:
        return Secret(inline.encode().decode("latin-1"))
    return _read(beside.parent / name)


def _read(file: Path) -> Content:
    try:
        if stat.S_ISFIFO(file.stat().st_mode):
            # Its end looks like an empty file, and without one to open it takes for ever.
            return Problem(file, "expected a file that can be read again, not a pipe")
        return Secret(read_capped(file).decode("latin-1"))
    except OSError as error:
        if error.errno in _LACKING:
            raise
        return Problem(file, error.strerror or error.__class__.__name__)
    except ConfigError as error:
        return Problem(file, error.message)
