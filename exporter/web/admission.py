"""How many connections are open, and which one goes when there is no room for another.

Counted where they are accepted: what has not ended its TLS handshake holds a descriptor and a
quarter of a megabyte, and is unknown to everything above.
"""

import errno
import os
import resource
import socket
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

_FILES: Final = 65_536
_LACKING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Holder(Protocol):
    """What speaks over a connection that was accepted."""

    def busy(self) -> bool:
        """Whether a request is being answered."""

    def asked(self) -> bool:
        """Whether it ever sent a whole request."""


class _Entry:
    """One open connection; ``holder`` is None until it can speak."""

    __slots__ = ("_connection", "holder")

    def __init__(self, connection: socket.socket) -> None:
        # What asyncio drops without closing it is closed when nobody holds it.
        self._connection = weakref.ref(connection)
        self.holder: Holder | None = None

    def closed(self, number: int) -> bool:
        """Whether it is no longer open under a descriptor."""
        connection = self._connection()
        return connection is None or connection.fileno() != number

    def end(self) -> None:
        """Have whoever holds it notice that it has ended, and close it."""
        connection = self._connection()
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def rank(self) -> int | None:
        """How readily it is given up, lowest first; None if it is not."""
        if self.holder is None or not (self.holder.asked() or self.holder.busy()):
            return 0
        return None if self.holder.busy() else 1


class Admission:
    """Lets at most so many connections be open at once.

    Instead of refusing one it ends the oldest of those that never asked for anything, or else the
    oldest that is idle: who comes with a request is not kept out by who comes without.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        """How many may be open at once."""
        self._entries: dict[int, _Entry] = {}
        self.crowded = False
        """Whether who was admitted last took the place of another, which is yet to be closed."""

    def leave_files(self, files: int) -> None:
        """Take no more than half of so many descriptors: polls need theirs."""
        self.most = max(1, min(self.most, files // 2))

    def admit(self, connection: socket.socket) -> bool:
        """Take a connection in; False if all that are open are busy."""
        if len(self._entries) >= self.most:
            self._prune()
        self.crowded = len(self._entries) >= self.most
        if self.crowded and not self._end_one():
            return False
        number = connection.fileno()
        # At the end, also where another connection had the same descriptor before.
        self._entries.pop(number, None)
        self._entries[number] = _Entry(connection)
        return True

    def held(self, connection: Any, holder: Holder) -> None:
        """Say what speaks over an accepted connection, given as its transport has it."""
        entry = self._entries.get(connection.fileno())
        if entry is not None:
            entry.holder = holder

    def end_silent(self) -> None:
        """End what cannot speak yet, such as handshakes under way."""
        for entry in list(self._entries.values()):
            if entry.holder is None:
                entry.end()

    def __len__(self) -> int:
        self._prune()
        return len(self._entries)

    def _prune(self) -> None:
        gone = [number for number, entry in self._entries.items() if entry.closed(number)]
        for number in gone:
            del self._entries[number]

    def _end_one(self) -> bool:
        ranked = sorted(self._ranked(), key=lambda item: item[0])
        if not ranked:
            return False
        number = ranked[0][1]
        self._entries.pop(number).end()
        return True

    def _ranked(self) -> Iterator[tuple[int, int]]:
        for number, entry in self._entries.items():
            rank = entry.rank()
            if rank is not None:
                yield rank, number


class Door(socket.socket):
    """A listening socket that asks an ``Admission`` before it hands a connection on."""

    admission: Admission | None = None
    _wait = False

    @classmethod
    def of(cls, listening: socket.socket, admission: Admission) -> "Door":
        """A duplicate of a socket that listens."""
        door = cls(listening.family, listening.type, listening.proto, os.dup(listening.fileno()))
        door.setblocking(False)
        door.admission = admission
        return door

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: There is no room for it; asyncio comes back for the next.
            BlockingIOError: None waits, or whoever gave way has to be closed first; asyncio, which
                accepts a hundred in one go, comes back then.
            OSError: There is no descriptor left; asyncio logs it, and comes back in a second.
        """
        if self._wait:
            self._wait = False
            raise BlockingIOError
        try:
            connection, address = super().accept()
        except OSError as error:
            # Else asyncio would go on, and log the same a hundred times.
            self._wait = error.errno in _LACKING
            raise
        if self.admission is not None and not self.admission.admit(connection):
            connection.close()
            raise ConnectionAbortedError
        self._wait = self.admission is not None and self.admission.crowded
        return connection, address


def raise_file_limit() -> int:
    """Let this process open as many files as it may, up to what makes sense, as those in Go do.

    Returns:
        How many it may open from now on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft
