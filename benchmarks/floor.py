"""The least that a scrape can cost here: a bare aiohttp handler that sends ready bytes in slices.

``python -m benchmarks.floor FILES``: a JSON list; ``/0`` is the first of them.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from aiohttp import web

_SLICE_BYTES: Final = 256 * 1024


async def _serve(files: list[str]) -> None:
    app = web.Application()
    for place, file in enumerate(files):
        app.router.add_get(f"/{place}", _handler(await asyncio.to_thread(Path(file).read_bytes)))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def _handler(body: bytes):
    slices = [body[at : at + _SLICE_BYTES] for at in range(0, len(body), _SLICE_BYTES)]

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(body)
        await response.prepare(request)
        for part in slices:
            await response.write(part)
        await response.write_eof()
        return response

    return handle


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
