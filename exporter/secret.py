"""Secrets hide themselves, and those in files are read again when the file changes."""

import asyncio
from pathlib import Path
from typing import Final, Never

from exporter.errors import ConfigError

HIDDEN: Final = "<secret>"
"""What stands where a secret does, as in Prometheus."""


class Secret:
    """Text that shows itself only when asked with ``reveal``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; keep it out of names that live longer than the call."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


class SecretReader:
    """One secret, given as text or as a file.

    A file is looked at again at each ``read``, off the event loop, and read when its modification
    time, size or inode differ: a mounted secret that is rotated takes effect with the next call.
    """

    def __init__(self, *, text: Secret | None, file: Path | None, path: str) -> None:
        """``path`` is the key path named in errors, such as ``accounts[0].private_key_file``."""
        self._secret = text
        self._file = file
        self._path = path
        self._stamp: tuple[int, int, int] | None = None

    async def read(self) -> Secret:
        """The secret as it is now.

        Raises:
            ConfigError: The file cannot be read or is empty.
        """
        if self._file is not None:
            await asyncio.to_thread(self._refresh, self._file)
        if self._secret is None:
            raise ConfigError("expected a value", path=self._path)
        return self._secret

    def _refresh(self, file: Path) -> None:
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp == self._stamp:
                return
            text = file.read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            raise ConfigError(
                f"cannot read the secret file {file}: {error.strerror}", path=self._path
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(
                f"the secret file {file} is not UTF-8 text", path=self._path
            ) from None
        if not text:
            raise ConfigError(f"the secret file {file} is empty", path=self._path)
        self._secret, self._stamp = Secret(text), stamp
