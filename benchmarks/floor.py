"""The least that a scrape can cost here: a bare aiohttp handler that sends ready bytes."""

import asyncio
import json
import random
import sys

from aiohttp import web


async def _serve(sizes: list[int]) -> None:
    app = web.Application()
    for place, size in enumerate(sizes):
        app.router.add_get(f"/{place}", _handler(random.randbytes(size)))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def _handler(body: bytes):
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body)

    return handle


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
