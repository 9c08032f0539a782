"""The simulated vendors as a process that answers from memory: ``replay OPTIONS``.

Each different question is put to the simulator once, which checks its signature; from then on the
same bytes are sent again, so that a vendor costs next to nothing while others are measured. It
tells a configuration for each vendor and serves until its input ends. At SIGUSR1 it appends
customers to every hundredth task, forgets all answers and tells how many tasks that were.

``OPTIONS`` is JSON: fields of ``SimulatorOptions``, ``refresh`` by tier, further keys of
``defaults`` in ``common``, and ``https``, which adds a certificate and the file of its CA.
"""

import asyncio
import json
import re
import signal
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from exporter.simulator import Simulator, SimulatorOptions
from tests.integration import _certificates as certificates

CHANGED_SHARE: Final = 0.01
_HOST: Final = "127.0.0.1"
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ACTION: Final = re.compile(rb"\r\nx-acs-action: *(\w+)", re.IGNORECASE)
# How far back a list reaches follows the clock of whoever asks; here it always reaches all rows.
_SINCE: Final = re.compile(rb"[?&]StartTime=\d+")
_TASKS: Final = {
    **dict.fromkeys(("finished_within", "idle_within", "created_within"), "36500d"),
    "limit": 1_000_000,
}
_BUDGET: Final = {
    "requests_per_second": 1000,
    "burst": 10_000,
    "requests_per_hour": 10_000_000,
    "concurrency": 4,
}


class Replay:
    """Answers what one simulated vendor answers, each question that repeats from memory."""

    def __init__(self, origin: str) -> None:
        """``origin`` is the simulator's URL of that vendor."""
        parts = urlsplit(origin)
        self._address = parts.hostname, parts.port
        self._answers: dict[bytes, bytes] = {}
        self.url = ""
        self.asked = 0
        """How often the simulator was asked."""

    def forget(self) -> None:
        """Ask the simulator anew from now on."""
        self._answers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it ends."""
        try:
            while True:
                head = await reader.readuntil(_END)
                rest = await reader.readexactly(_length(head))
                key = question(head)
                if key not in self._answers:
                    self._answers[key] = await self._ask(head + rest)
                writer.write(self._answers[key])
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _ask(self, request: bytes) -> bytes:
        self.asked += 1
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(request)
            head = await reader.readuntil(_END)
            body = await reader.readexactly(_length(head))
        finally:
            writer.close()
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"the simulator refused: {body!r}")
        return head + body


@asynccontextmanager
async def replaying(origin: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Replay]:
    """A replay of the vendor at ``origin`` that listens at its ``url``."""
    replay = Replay(origin)
    server = await asyncio.start_server(replay.serve, _HOST, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    replay.url = f"{'https' if tls else 'http'}://{_HOST}:{port}"
    try:
        yield replay
    finally:
        server.close()


def question(head: bytes) -> bytes:
    """What a request asks for, without its signature and date."""
    target = _SINCE.sub(b"", head.split(b" ", 2)[1])
    action = _ACTION.search(head)
    return target if action is None else b"%b %b" % (action[1], target)


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


def change(simulator: Simulator) -> int:
    """Append customers to every hundredth task, wherever it stands; returns how many that were."""
    world, step, count = simulator.world, round(1 / CHANGED_SHARE), 0
    for place in world.places():
        for campaign in list(world.shelf(place.vendor, place.account, place.scope))[::step]:
            campaign.waiting += 1
            campaign.rendered = None
            count += 1
    return count


def configurations(text: str, urls: dict[str, str]) -> dict[str, str]:
    """A configuration for each vendor that has an account in ``text``, with another URL."""
    whole = yaml.safe_load(text)
    found = {}
    for account in whole["accounts"]:
        platform = account["platform"]
        account["base_url" if platform == "dezhu" else "endpoint"] = urls[platform]
        document = {"defaults": whole["defaults"], "accounts": [account]}
        found[platform] = yaml.safe_dump(document, allow_unicode=True)
    return found


async def _serve(wanted: dict[str, Any]) -> None:
    refresh, common = wanted.pop("refresh"), wanted.pop("common", {})
    https = wanted.pop("https", False)
    options = SimulatorOptions(
        automatic=False, lively=False, control_listen=None, truth_limit=1000, **wanted
    )
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(options))
        tls = None
        if https:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ca_file, tls = certificates.make(folder, _HOST)
            common["tls_config"] = {"ca_file": str(ca_file)}
        origins = {"dezhu": simulator.dezhu_url, "aliyun": simulator.aliyun_url}
        replays = {
            platform: await stack.enter_async_context(replaying(url, tls))
            for platform, url in origins.items()
        }

        def changed() -> None:
            for one in replays.values():
                one.forget()
            _tell(changed=change(simulator))

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, changed)
        defaults = {"tasks": _TASKS, "stale_after": "1h", **common}
        text = simulator.config_text(refresh=refresh, budget=_BUDGET, defaults=defaults)
        urls = {platform: one.url for platform, one in replays.items()}
        _tell(configs=configurations(text, urls))
        await asyncio.to_thread(sys.stdin.read)


def _tell(**values: Any) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
