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

    A file is looked at again at each ``read``, off the event loop, and read when its times, size or
    inode differ: a mounted secret that is rotated takes effect with the next call.
    """

    def __init__(
        self,
        *,
        text: Secret | None,
        file: Path | None,
        path: str,
        patience_seconds: float = 5.0,
    ) -> None:
        """Read nothing yet.

        ``path`` is the key path named in errors, such as ``accounts[0].private_key_file``. Nobody
        waits longer than ``patience_seconds`` for a file, such as one of a server that is gone.
        """
        self._secret = text
        self._file = file
        self._path = path
        self._patience_seconds = patience_seconds
        self._stamp: tuple[int, ...] | None = None
        self._looking: asyncio.Future[str] | None = None

    async def read(self) -> Secret:
        """The secret as it is now.

        Raises:
            ConfigError: The file cannot be read, does not answer or is empty.
        """
        if self._file is not None:
            problem = await self._looked(self._file)
            if problem:
                raise ConfigError(problem, path=self._path)
        if self._secret is None:
            raise ConfigError("expected a value", path=self._path)
        return self._secret

    async def _looked(self, file: Path) -> str:
        """What is wrong with the file; empty if nothing is."""
        if self._looking is None or self._looking.done():
            # One thread, whoever else asks meanwhile: those of an account whose file does not
            # answer would else be all there are, and hold up every other account.
            self._looking = asyncio.get_running_loop().run_in_executor(None, self._refresh, file)
        done, _ = await asyncio.wait([self._looking], timeout=self._patience_seconds)
        return done.pop().result() if done else f"the secret file {file} does not answer"

    def _refresh(self, file: Path) -> str:
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
            if stamp == self._stamp:
                return ""
            text = file.read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            return f"cannot read the secret file {file}: {error.strerror}"
        except UnicodeDecodeError:
            return f"the secret file {file} is not UTF-8 text"
        if not text:
            return f"the secret file {file} is empty"
        self._secret, self._stamp = Secret(text), stamp
        return ""
