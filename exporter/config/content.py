"""What a file of the configuration holds: so many bytes at most, and the text that they are."""

from pathlib import Path
from typing import Final

from exporter.errors import ConfigError

MAX_SIZE_BYTES: Final = 1024 * 1024


def read_capped(file: Path) -> bytes:
    """What a file holds; blocking, so call it in a thread.

    Raises:
        OSError: It cannot be read.
        ConfigError: It is larger than ``MAX_SIZE_BYTES``.
    """
    with file.open("rb") as stream:
        data = stream.read(MAX_SIZE_BYTES + 1)
    if len(data) > MAX_SIZE_BYTES:
        raise ConfigError("expected at most 1 MiB")
    return data


def text_of(data: bytes) -> str:
    """The text that a file holds, without a mark of its byte order.

    Raises:
        ConfigError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"expected UTF-8 text, line {line} is not") from None
