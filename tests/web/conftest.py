from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession

from exporter.store import Store
from exporter.web import ListenAddress, Server, create_app
from tests.web.making import a_site

Serve = Callable[..., Awaitable[ClientSession]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A site on a real socket, and a client that leaves the bytes as they come."""
    async with AsyncExitStack() as stack:

        async def start(store: Store, **changes: Any) -> ClientSession:
            app = create_app(await a_site(store, **changes))
            address = ListenAddress("127.0.0.1", 0)
            server = await stack.enter_async_context(Server(app, [address], drain_seconds=0))
            session = ClientSession(
                server.addresses[0], auto_decompress=False, headers={"Accept-Encoding": ""}
            )
            return await stack.enter_async_context(session)

        yield start


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened
