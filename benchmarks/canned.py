"""A Dezhu made of ready rows: ``python -m benchmarks.canned OPTIONS``, as ``benchmarks.vendor``.

It costs a fraction of what the simulator does, so that what shares the machine with the exporter
does not drown what is measured. It looks whether the headers of a signed request are there and
verifies none of them; it knows the filter by status and paging, and nothing else of the API.

``OPTIONS`` is JSON: the fields of ``benchmarks.pages.Crowd``, and ``refresh`` by tier. When its
input ends it tells when it was asked.
"""

import asyncio
import json
import sys
import time
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qsl

from benchmarks.pages import Crowd, Pages
from benchmarks.vendor import settings
from exporter.simulator.accounts import make_directory
from exporter.simulator.configuration import config_text
from exporter.simulator.dezhu import PATH
from exporter.simulator.options import SimulatorOptions, system_clock

_SIGNED: Final = (b"appid:", b"timestamp:", b"sign:")
_KNOWN: Final = {"taskStatus", "pageNum", "pageSize"}
_REFUSED: Final = b'{"code":"%s","message":"refused","data":null}'


class Connection(asyncio.Protocol):
    """One kept connection; a request without a body at a time."""

    def __init__(self, pages: Pages, asked: list[float]) -> None:
        """``asked`` gets the time of each request, on the monotonic clock."""
        self._pages = pages
        self._asked = asked
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            request, _, self._received = self._received.partition(b"\r\n\r\n")
            self._asked.append(time.monotonic())
            body = answer(request, self._pages)
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Date: {formatdate(system_clock(), usegmt=True)}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            self._transport.write(head.encode() + body)


def answer(request: bytes, pages: Pages) -> bytes:
    """The body for a request, given as its head."""
    line, _, headers = request.partition(b"\r\n")
    lower = headers.lower()
    if not all(b"\n" + name in b"\n" + lower for name in _SIGNED):
        return _REFUSED % b"10001"
    path, _, query = line.split(b" ")[1].decode("ascii").partition("?")
    asked = dict(parse_qsl(query))
    if path != PATH or not asked.keys() <= _KNOWN:
        return _REFUSED % b"29002"
    status = asked.get("taskStatus")
    return pages.page(
        None if status is None else int(status),
        int(asked.get("pageNum", "1")),
        int(asked.get("pageSize", "20")),
    )


async def _serve(wanted: dict[str, Any]) -> None:
    shared = settings(wanted.pop("refresh", {}))
    pages = Pages(Crowd(**wanted), now=system_clock())
    directory = make_directory(SimulatorOptions(aliyun_accounts=0))
    asked: list[float] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(pages, asked), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()
    text = config_text(list(directory), dezhu_url=f"http://{host}:{port}", aliyun_url="", **shared)
    print(json.dumps({"config": text}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"requests": asked}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
