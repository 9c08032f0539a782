"""A tiny HTTP proxy on loopback: absolute addresses and CONNECT, perhaps with a password."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.integration._front import front, head_of, relay


class Proxy:
    """What it has seen; ``login`` is ``user:password`` or empty."""

    def __init__(self, login: str) -> None:
        self.login = login
        self.url = ""
        self.seen: list[str] = []
        """Methods and addresses as they came."""
        self.refused = 0

    async def serve(self, reader, writer) -> None:
        head = (await head_of(reader)).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, address, _ = first.split(" ")
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and f"proxy-authorization: {wanted}".lower() not in head.lower():
            self.refused += 1
            writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.seen.append(f"{method} {address}")
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await relay(reader, writer, f"http://{address}")
            return
        parts = urlsplit(address)
        path = address.partition(parts.netloc)[2] or "/"
        kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
        onward = "\r\n".join([f"{method} {path} HTTP/1.1", "Connection: close", *kept])
        await relay(reader, writer, f"http://{parts.netloc}", onward.encode("latin-1"))


@asynccontextmanager
async def proxy(login: str = "") -> AsyncIterator[Proxy]:
    made = Proxy(login)
    async with front(made.serve) as listening:
        made.url = listening.url
        yield made
