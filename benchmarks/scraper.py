"""A client that scrapes over one kept connection and does nothing else with what it gets."""

import socket
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_BUFFER_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """``seconds`` from the first byte sent to the last one read; ``size_bytes`` of the body."""

    seconds: float
    size_bytes: int
    body: bytes = b""


class Scraper:
    """One connection to one path."""

    def __init__(self, url: str, *, gzip: bool = False, timeout: float = 30.0) -> None:
        """``url`` with its path."""
        parts = urlsplit(url)
        coding = "gzip" if gzip else "identity"
        self._request = (
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Accept-Encoding: {coding}\r\n\r\n"
        ).encode()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout)

    def __enter__(self) -> "Scraper":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, *, keep: bool = False) -> Answer:
        """Scrape once; ``keep`` the body.

        Raises:
            OSError: The answer is not a 200 with a length, is cut short, or takes too long.
        """
        started = time.perf_counter()
        self._socket.sendall(self._request)
        head, rest = self._head()
        size = _length(head)
        body = bytearray(rest) if keep else bytearray()
        missing = size - len(rest)
        while missing:
            count = self._socket.recv_into(self._buffer)
            if not count:
                raise OSError("the answer is cut short")
            missing -= count
            if keep:
                body += self._buffer[:count]
        return Answer(time.perf_counter() - started, size, bytes(body))

    def _head(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            more = self._socket.recv(_BUFFER_BYTES)
            if not more:
                raise OSError("no answer")
            received += more
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest


def _length(head: bytes) -> int:
    first, *lines = head.decode("ascii").split("\r\n")
    if " 200 " not in first:
        raise OSError(f"expected 200, got {first}")
    fields = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    return int(fields["content-length"])
