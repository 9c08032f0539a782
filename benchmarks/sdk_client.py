"""Calls ListJobGroups again and again: ``sdk_client WHO CONFIGURATION CALLS``, and tells the cost.

``WHO`` is ``sdk`` or ``sdk async``, the vendor's own SDK as its users write it, one client for all
calls, or ``ours``, the exporter's own parts as it opens them itself. All read the same pages of
the first instance over HTTPS, trust the CA of the configuration alone, and parse the rows. Where
calls may run at once, as many do as the configuration allows.
"""

import asyncio
import json
import os
import random
import sys
import time
import uuid
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from exporter.background import Background
from exporter.clock import SystemClock
from exporter.config.loader import load
from exporter.config.model import Account
from exporter.limiter import Limiter
from exporter.reply import TRANSPORT_CODES
from exporter.session import open_session
from exporter.source import Priority, Query, SourceContext
from exporter.sources import SOURCES
from exporter.telemetry import Telemetry
from exporter.transport import Direct, Transport

PAGES: Final = 10
WARM_UP_CALLS: Final = PAGES
_OPTIONS: Final = {platform: source.options for platform, source in SOURCES.items()}

ReadPage = Callable[[int], Awaitable[int]]
"""Reads a page by its number; gives how many rows it has."""


async def many(read: ReadPage, calls: int, *, concurrency: int) -> int:
    """Read the pages in turn, so many calls in all and so many at once; how many rows came."""
    numbers = islice(cycle(range(1, PAGES + 1)), calls)

    async def work() -> int:
        return sum([await read(number) for number in numbers])

    return sum(await asyncio.gather(*[work() for _ in range(concurrency)]))


async def ours(account: Account, stack: AsyncExitStack) -> ReadPage:
    """The exporter's transport, session and source for an account."""
    kind, clock = SOURCES[account.platform], SystemClock()
    codes = {**kind.codes, **TRANSPORT_CODES}
    meter = Telemetry().account(
        platform=kind.platform, name=account.name, operations=kind.operations, codes=codes
    )
    meter.show()
    transport = Transport(
        await stack.enter_async_context(open_session(account)),
        limiter=Limiter(account.common.budget, clock),
        meter=meter,
        clock=clock,
        timeout=account.common.timeout,
    )
    direct = Direct(partial(open_session, account, direct=True), timeout=account.common.timeout)
    source = await kind.open(
        SourceContext(
            account=account,
            transport=transport,
            direct=direct,
            background=await stack.enter_async_context(Background()),
            clock=clock,
            random=random.random,
            nonce=lambda: uuid.uuid4().hex,
        )
    )
    scope, *_ = await source.scopes()

    async def read(number: int) -> int:
        query = Query(scope, statuses=None)
        return len((await source.page(query, number, priority=Priority.ACTIVE)).tasks)

    return read


class Sdk:
    """The vendor's SDK with the credentials and the CA of an account."""

    def __init__(self, account: Account) -> None:
        # Here, for it takes a second: whoever measures ours does not pay for it.
        from alibabacloud_outboundbot20191226 import client, models  # noqa: PLC0415
        from alibabacloud_tea_openapi import utils_models  # noqa: PLC0415
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

        options: Any = account.options
        self._models = models
        self._page_size = options.page_size
        self._runtime = RuntimeOptions()
        self._client = client.Client(
            utils_models.Config(
                access_key_id=options.credentials.access_key_id,
                access_key_secret=options.credentials.access_key_secret.reveal(),
                endpoint=urlsplit(options.endpoint).netloc,
                protocol="https",
                ca=account.common.tls_config.ca_file,
            )
        )
        listed = self._client.list_instances(models.ListInstancesRequest())
        self._instance = listed.body.instances[0].instance_id

    def read(self, number: int) -> int:
        """Read a page and wait for it."""
        return len(self._client.list_job_groups(self._asked(number)).body.job_groups.list)

    async def read_async(self, number: int) -> int:
        """Read a page and let others run meanwhile."""
        # Not list_job_groups_async: version 2.2.1 has another action of that name.
        answer = await self._client.list_job_groups_with_options_async(
            self._asked(number), self._runtime
        )
        return len(answer.body.job_groups.list)

    def _asked(self, number: int) -> Any:
        return self._models.ListJobGroupsRequest(
            instance_id=self._instance, page_number=number, page_size=self._page_size
        )


async def reader(who: str, account: Account, stack: AsyncExitStack) -> tuple[ReadPage, int]:
    """What reads a page for ``who``, and how many may be read at once."""
    if who == "ours":
        return await ours(account, stack), account.common.budget.concurrency
    sdk = Sdk(account)
    if who == "sdk async":
        return sdk.read_async, account.common.budget.concurrency

    async def read(number: int) -> int:
        return sdk.read(number)

    return read, 1


async def measured(who: str, account: Account, calls: int) -> dict[str, float]:
    """The CPU and wall seconds of so many calls, after a few that are not counted."""
    async with AsyncExitStack() as stack:
        read, concurrency = await reader(who, account, stack)
        await many(read, WARM_UP_CALLS, concurrency=concurrency)
        cpu, wall = time.process_time(), time.monotonic()
        rows = await many(read, calls, concurrency=concurrency)
        spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
        return spent | {"calls": calls, "rows": rows}


def main() -> None:
    """Make the calls."""
    who, file, calls = sys.argv[1:]
    if who != "ours":
        # The SDK leaves sessions open and calls what Python has deprecated.
        warnings.simplefilter("ignore")
    (account,) = load(Path(file), options=_OPTIONS, environ=os.environ).accounts
    print(json.dumps(asyncio.run(measured(who, account, int(calls)))), flush=True)


if __name__ == "__main__":
    main()
