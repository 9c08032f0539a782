"""The web configuration and the files that it names, read as one: what they held at one look."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.config.loader import MAX_SIZE_BYTES
from exporter.errors import ConfigError
from exporter.secret import Secret
from exporter.webconfig.checks import TLS
from exporter.webconfig.loader import parse_web_config
from exporter.webconfig.model import WebConfig


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file could not be read, in words."""

    words: str


Content = Secret | Problem
"""What a file held, as text of one character a byte: equal when the file is."""

_NOTHING: Final = Secret("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look saw. Two are equal when nothing changed in between.

    ``config`` is None, and ``broken`` says why, when the web configuration is of no use.
    """

    config: WebConfig | None = None
    broken: str = ""
    cert: Content = _NOTHING
    key: Content = _NOTHING
    client_ca: Content = _NOTHING


def look_at(file: Path) -> Look:
    """Read the web configuration and what it names; blocking, so call it in a thread."""
    try:
        config = read_web_config(file)
    except ConfigError as error:
        return Look(broken=str(error))
    tls = config.tls
    return Look(
        config=config,
        cert=_content(file, tls.cert_file, tls.cert),
        key=_content(file, tls.key_file, tls.key.reveal()),
        client_ca=_content(file, tls.client_ca_file, tls.client_ca),
    )


def read_web_config(file: Path) -> WebConfig:
    """The web configuration in a file; blocking. What it names is not looked at.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SIZE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the file: {error.strerror}", file=file) from None
    return parse_web_config(data, file=file)


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
        raise ConfigError(content.words, path=f"{TLS}.{key}", file=config.file)
    return content.reveal().encode("latin-1")


def _content(beside: Path, name: str, inline: str) -> Content:
    if not name:
        return Secret(inline.encode().decode("latin-1"))
    file = beside.parent / name
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SIZE_BYTES + 1)
    except OSError as error:
        return Problem(f"cannot read {file}: {error.strerror}")
    if len(data) > MAX_SIZE_BYTES:
        return Problem(f"expected at most 1 MiB in {file}")
    return Secret(data.decode("latin-1"))
