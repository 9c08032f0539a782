"""Runs a world whose clock moves only when nothing is under way, so that no test waits or races.

Calls of the exporter and jobs in threads are counted; the clock goes from one sleeper to the next
once there are none. Whoever hangs in a call is waited for until the account's own time-out.
"""

import asyncio
import contextlib
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from html import unescape
from unittest import mock

import structlog
import yaml
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from exporter import logs, transport
from exporter.simulator import Simulator
from tests.fakes import FakeClock
from tests.integration.harness import World, start, text_of

INTERVAL_SECONDS = 60.0
_QUIET_ROUNDS = 5
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
MARKER = "marker-of-the-body-4711"
DEFAULTS = {
    "collect": ["progress", "schedule", "settings", "agents", "concurrency"],
    "refresh": {"active": "60s", "idle": "60s", "finished": "60s", "detail": "12h"},
    "budget": {
        "requests_per_second": 1000,
        "burst": 10_000,
        "requests_per_hour": 10_000_000,
        "concurrency": 4,
    },
}
TWO_EACH = {"dezhu_accounts": 2, "aliyun_accounts": 2, "aliyun_instances": 1, "tasks": 24}
"""Two accounts of each vendor with a dozen tasks each, in every tier."""
TWO_OF = {
    "dezhu": {**TWO_EACH, "aliyun_accounts": 0},
    "aliyun": {**TWO_EACH, "dezhu_accounts": 0},
}
"""The same of one vendor alone."""


class Activity:
    """What the exporter is doing outside of the loop's own steps."""

    def __init__(self) -> None:
        self._busy = 0
        self._idle = asyncio.Event()
        self.headers: list[dict[str, str]] = []
        """Of every call made."""

    def begin(self) -> None:
        self._busy += 1

    def end(self) -> None:
        self._busy -= 1
        self._idle.set()

    async def none(self) -> None:
        """Wait until everything sleeps by the clock."""
        ready, quiet = asyncio.get_running_loop()._ready, 0
        while quiet < _QUIET_ROUNDS:
            await asyncio.sleep(0)
            # What is ready now beside ourselves goes on without any input.
            quiet = 0 if ready or self._busy else quiet + 1
            if self._busy and not ready:
                self._idle.clear()
                await self._idle.wait()


@contextlib.contextmanager
def _threads_counted(activity: Activity) -> Iterator[None]:
    # Counted down by the loop's own future: at that of the thread nobody has been woken yet.
    loop = asyncio.get_running_loop()
    original = loop.run_in_executor

    def counted(*args):
        activity.begin()
        future = original(*args)
        future.add_done_callback(lambda _: activity.end())
        return future

    with mock.patch.object(loop, "run_in_executor", counted):
        yield


class Driven:
    """A world, what it logs, and a clock that is moved step by step."""

    def __init__(self, world: World, activity: Activity, log: io.StringIO) -> None:
        self.world = world
        self.simulator = world.simulator
        self.clock = world.clock
        self._activity = activity
        self._log = log

    # The clock

    async def forward(self, seconds: float) -> None:
        """Move on by so many seconds, sleeper by sleeper."""
        end = self.clock.now() + seconds
        await self._walk(end, lambda: False)
        await self.clock.advance(end - self.clock.now())
        await self._activity.none()

    async def until(self, condition: Callable[[], bool], *, within: float) -> None:
        """Move on until ``condition`` holds, at most ``within`` seconds."""
        await self._walk(self.clock.now() + within, condition)
        assert condition(), f"did not come within {within} s: {self.health()} {self._where()}"

    async def _walk(self, end: float, condition: Callable[[], bool]) -> None:
        await self._activity.none()
        while not condition():
            sleepers = self.clock._sleepers
            if not sleepers or sleepers[0][0] > end:
                return
            await self.clock.advance(max(0.0, sleepers[0][0] - self.clock.now()))
            await self._activity.none()

    def _where(self) -> dict[str, object]:
        sleepers = sorted(at - self.clock.now() for at, _, waiter in self.clock._sleepers)
        asked = [(row.account, row.operation, row.outcome) for row in self.simulator.requests]
        return {"sleepers": sleepers, "busy": self._activity._busy, "last": asked[-4:]}

    async def polled(self) -> None:
        """Let every account be read whole, details included."""
        await self.until(self.whole, within=INTERVAL_SECONDS + 10)

    def whole(self) -> bool:
        """Whether every tier of every account worked and no detail is outstanding."""
        return all(self.is_whole(name) for name in self.world.exporter.store.views)

    def is_whole(self, account: str) -> bool:
        """The same for one account."""
        state = self.state(account)
        return (
            state.up is True
            and not state.details_outstanding
            and all(tier.last_success is not None for tier in state.tiers.values())
        )

    # What is known without a scrape

    def state(self, account: str):
        return self.world.exporter.store.views[account].state

    def up(self, account: str) -> bool | None:
        return self.state(account).up

    def health(self) -> dict[str, object]:
        """For messages."""
        return {
            name: (view.state.up, [(f.where, f.reason, f.message) for f in view.state.failures])
            for name, view in self.world.exporter.store.views.items()
        }

    # What is told outside

    async def metrics(self) -> dict[str, list]:
        """A whole scrape: samples by name, the exporter's own included."""
        status, text = await self.world.get("/metrics")
        assert status == 200
        found: dict[str, list] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found

    async def page(self) -> str:
        """The page, its entities resolved."""
        status, text = await self.world.get("/")
        assert status == 200
        return unescape(text)

    def tasks(self, account: str) -> dict[str, str]:
        """Series and values of an account's tasks that do not follow the clock, as exposed."""
        found: dict[str, str] = {}
        for line in text_of(self.world.exporter.store.publication).splitlines():
            series, _, value = line.rpartition(" ")
            if (
                series.startswith("outbound_task_")
                and not series.startswith("outbound_task_calling_")
                and f',account="{account}",' in series
            ):
                assert series not in found, f"twice: {series}"
                found[series] = value
        return found

    def last_success(self, account: str) -> dict[str, float]:
        return {tier.value: state.last_success for tier, state in self.state(account).tiers.items()}

    # The log

    @property
    def log(self) -> str:
        return self._log.getvalue()

    def lines(self, message: str = "", **fields: str) -> list[dict]:
        """Lines of the log with these fields."""
        rows = [json.loads(line) for line in self.log.splitlines()]
        return [
            row
            for row in rows
            if (not message or row["msg"] == message) and fields.items() <= row.items()
        ]

    # Secrets

    async def assert_nothing_leaks(self, *more: str) -> None:
        """No secret, signature or piece of an answer is in a scrape, on the page or in the log."""
        places = {
            "metrics": (await self.world.get("/metrics"))[1],
            "openmetrics": (await self.world.get("/metrics", Accept=OPENMETRICS))[1],
            "page": (await self.world.get("/"))[1],
            "log": self.log,
        }
        for secret in {*self._secrets(), MARKER, *more}:
            assert len(secret) > 5, "too short to be told from other text"
            for place, text in places.items():
                assert secret not in text, f"{secret!r} is in the {place}"

    def _secrets(self) -> Iterator[str]:
        for account in self.simulator.accounts:
            if account.platform == "dezhu":
                yield from account.private_key.split("\n")[1:-2]
            else:
                yield account.access_key_secret
                if account.security_token:
                    yield account.security_token
        yield from self.simulator.issuer.oidc_tokens.values()
        for issued in self.simulator.issuer.issued():
            yield from (issued.access_key_secret, issued.security_token)
        for headers in self._activity.headers:
            lower = {name.lower(): value for name, value in headers.items()}
            if "sign" in lower:
                yield lower["sign"]
            if "authorization" in lower:
                yield lower["authorization"]
                yield lower["authorization"].rpartition("=")[2]


@asynccontextmanager
async def driven(
    *,
    options: dict | None = None,
    text: Callable[[Simulator], str] | None = None,
    clock: FakeClock | None = None,
    **more,
) -> AsyncIterator[Driven]:
    """Simulator, exporter and clock; nothing has been polled yet.

    ``text`` writes the configuration (``written`` helps); other arguments as ``harness.start``.
    """
    activity, log = Activity(), io.StringIO()
    original = transport._exchanged

    async def counted(session, request, way):
        activity.headers.append(dict(request.headers))
        activity.begin()
        try:
            return await original(session, request, way)
        finally:
            activity.end()

    with (
        mock.patch.object(transport, "_exchanged", counted),
        _threads_counted(activity),
        logged_to(log),
    ):
        async with AsyncExitStack() as stack:
            world = await start(stack, options=options, text=text or written, clock=clock, **more)
            yield Driven(world, activity, log)


@contextlib.contextmanager
def logged_to(stream: io.StringIO) -> Iterator[None]:
    """Send the logs of the process, as the command sets them up, to ``stream`` as JSON."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # else they would be closed
    try:
        with contextlib.redirect_stderr(stream):
            logs.configure(level="debug", style="json")
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def written(
    simulator: Simulator,
    change: Callable[[dict[str, dict]], object] | None = None,
    **defaults: object,
) -> str:
    """The simulator's configuration; ``change`` edits its accounts, given by name."""
    document = yaml.safe_load(simulator.config_text())
    document["defaults"] = DEFAULTS | defaults
    if change is not None:
        change({account["name"]: account for account in document["accounts"]})
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def of(metrics: dict[str, list], name: str, **labels: str) -> list:
    """Samples of a name with these labels."""
    return [sample for sample in metrics.get(name, []) if labels.items() <= sample.labels.items()]


def one(metrics: dict[str, list], name: str, **labels: str) -> float | None:
    """The value of the one sample of a name with these labels; None if there is none."""
    found = of(metrics, name, **labels)
    assert len(found) < 2, found
    return found[0].value if found else None


def reasons(metrics: dict[str, list], account: str) -> set[str]:
    """The reasons that ``outbound_account_failure`` shows at work; all eight rows are there."""
    rows = of(metrics, "outbound_account_failure", account=account)
    assert len(rows) == 8
    return {sample.labels["reason"] for sample in rows if sample.value == 1}


def codes(metrics: dict[str, list], account: str) -> set[tuple[str, str]]:
    """Reason and code of the calls that have failed, over all operations."""
    name = "outbound_exporter_api_failures_total"
    return {
        (sample.labels["reason"], sample.labels["code"])
        for sample in of(metrics, name, account=account)
        if sample.value
    }


def label_of(series: str, name: str) -> str:
    """The value of a label that holds nothing to escape."""
    found = re.search(rf'[{{,]{name}="([^"]*)"', series)
    return found[1] if found else ""


def parsed_both_ways(text: str, openmetrics: str) -> tuple[dict, dict]:
    """Vendor samples of the same exposition as either parser of prometheus-client reads it."""
    return tuple(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
            if not sample.name.startswith(("outbound_exporter_", "process_", "python_"))
        }
        for families in (text_string_to_metric_families(text), openmetrics_families(openmetrics))
    )
