"""A client that scrapes and does nothing else with what it gets."""

import socket
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_BUFFER_BYTES: Final = 1 << 20
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """``seconds`` from the first byte sent to the last one read; ``size_bytes`` of the body.

    The size of an answer in chunks is that of the chunks with their framing.
    """

    seconds: float
    size_bytes: int
    body: bytes = b""


class Scraper:
    """One connection to one path, opened anew only if the server closes it after each answer."""

    def __init__(self, url: str, *, gzip: bool = False, timeout: float = 30.0) -> None:
        """``url`` with its path; ``timeout`` in seconds is for the next bytes to come."""
        parts = urlsplit(url)
        coding = "gzip" if gzip else "identity"
        target = urlunsplit(("", "", parts.path, parts.query, ""))
        self._request = (
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: {coding}\r\n\r\n"
        ).encode()
        self._address = (parts.hostname, parts.port)
        self._timeout = timeout
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._socket: socket.socket | None = self._connected()

    def __enter__(self) -> "Scraper":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def get(self, *, keep: bool = False) -> Answer:
        """Scrape once; ``keep`` the body.

        Raises:
            OSError: The answer is not a 200 with a length or in chunks, is cut short, or takes
                too long.
        """
        started = time.perf_counter()
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(self._request)
        head, rest = self._head()
        status, fields = _parsed(head)
        kept = bytearray(rest) if keep else None
        chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        if chunked:
            size = self._chunked(rest, kept)
        else:
            size = int(fields["content-length"])
            self._sized(size - len(rest), kept)
        seconds = time.perf_counter() - started
        if chunked and kept is not None:
            kept = _without_framing(kept)
        if status.startswith("HTTP/1.0") or fields.get("connection", "").lower() == "close":
            self._close()
        return Answer(seconds, size, bytes(kept or b""))

    def _connected(self) -> socket.socket:
        return socket.create_connection(self._address, self._timeout)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _head(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            more = self._socket.recv(_BUFFER_BYTES)
            if not more:
                raise OSError("no answer")
            received += more
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _sized(self, missing: int, kept: bytearray | None) -> None:
        while missing:
            missing -= self._received(kept)

    def _chunked(self, rest: bytes, kept: bytearray | None) -> int:
        """Read up to the last chunk without looking for the others, which costs time."""
        size, end = len(rest), rest[-len(_LAST_CHUNK) :]
        while end != _LAST_CHUNK:
            count = self._received(kept)
            size += count
            end = (end + bytes(self._buffer[max(0, count - 7) : count]))[-len(_LAST_CHUNK) :]
        return size

    def _received(self, kept: bytearray | None) -> int:
        count = self._socket.recv_into(self._buffer)
        if not count:
            raise OSError("the answer is cut short")
        if kept is not None:
            kept += self._buffer[:count]
        return count


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("ascii").split("\r\n")
    if " 200 " not in first:
        raise OSError(f"expected 200, got {first}")
    fields = (line.partition(":") for line in lines)
    return first, {name.lower(): value.strip() for name, _, value in fields}


def _without_framing(chunks: bytearray) -> bytearray:
    body, at = bytearray(), 0
    while True:
        end = chunks.index(b"\r\n", at)
        size = int(chunks[at:end], 16)
        if not size:
            return body
        body += chunks[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
