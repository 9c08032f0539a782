"""A soak: simulated vendors, one exporter in its own process, and weeks that pass in minutes."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from exporter.simulator import Simulator, SimulatorOptions
from tests.soak.changes import KINDS as CHANGES
from tests.soak.changes import LONGEST, Settings
from tests.soak.clock import SharedTime
from tests.soak.enough import lacking
from tests.soak.process import Subject
from tests.soak.scrapes import Scraper
from tests.soak.troubles import KINDS, Troubles
from tests.soak.truth import Witness

BEGIN = 1_760_000_000.0
STEP_SECONDS = 30.0
HOUR, DAY = 3600.0, 86400.0
ROUGH_SECONDS = HOUR
"""So long everything happens often: what is only made once is made before memory is measured."""
CALM_SECONDS = 600.0
TOLD_AT_ONCE = 5
WORLD = {
    "tasks": 48,
    "dezhu_accounts": 2,
    "aliyun_accounts": 2,
    "aliyun_instances": 1,
    "credentials": "credentials_uri",
    "control_listen": None,
    "truth_limit": 100_000,
}


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How much happens in an hour."""

    troubles: float
    reloads: float
    at_once: int = 1
    """Scrapes at the same time, beside the one that is compared."""


ROUGH = Rates(troubles=50, reloads=110, at_once=30)
USUAL = Rates(troubles=4, reloads=6)


@dataclass(kw_only=True)
class Result:
    """What came of a soak; ``marks`` were measured at rest, the first after the first hour."""

    marks: list[dict] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    at_the_end: list[str] = field(default_factory=list)
    """Those of them that no line has told before."""
    counts: dict[str, float] = field(default_factory=dict)


class Soak:
    """Lets time pass, and everything happen.

    Args:
        seed: Of all that is random here; the exporter's own jitter is not.
        tell: Told what came of each hour.
    """

    def __init__(self, *, seed: int, folder: Path, tell: Callable[[str], object]) -> None:
        self._draw = random.Random(seed)
        self._folder, self._tell = folder, tell
        self._time = SharedTime(folder / "clock")
        self._time.set(BEGIN)
        self._simulator = Simulator(SimulatorOptions(clock=self._time.now, seed=seed, **WORLD))
        self._polls = self._reloads = self._told = 0
        self._expected = {"troubles": 0.0, "reloads": 0.0}
        """How many there should have been, on the average."""
        self._settings: Settings
        self._troubles: Troubles
        self._witness: Witness
        self._subject: Subject
        self._scraper: Scraper
        self._started = time.monotonic()

    async def run(self, *, seconds: float) -> Result:
        """Soak for so long, in simulated time."""
        result = Result()
        async with AsyncExitStack() as stack:
            await self._open(stack)
            rough = min(ROUGH_SECONDS, seconds / 2)
            await self._live(rough - CALM_SECONDS, ROUGH)
            result.marks.append(await self._rest())
            end = BEGIN + seconds
            while (left := end - self._time.now()) > 0:
                some = min(left, DAY)
                await self._live(max(0.0, some - CALM_SECONDS), USUAL)
                result.marks.append(await self._rest())
        result.counts = self._counts()
        lived = self._time.now() - BEGIN
        little = lacking(
            result.counts,
            seconds=lived,
            expected=self._expected,
            kinds={"kinds": (len(KINDS), "troubles"), "changes": (len(CHANGES), "reloads")},
        )
        result.at_the_end = [*self._of_the_end(result.marks), *little]
        result.violations = [*self._witness.violations, *result.at_the_end]
        return result

    async def _open(self, stack: AsyncExitStack) -> None:
        simulator = await stack.enter_async_context(self._simulator)
        self._settings = Settings(simulator, self._folder, self._draw)
        self._settings.write()
        self._troubles = Troubles(simulator, self._draw)
        self._witness = Witness(simulator, self._troubles, lambda _account: LONGEST)
        self._subject = await stack.enter_async_context(Subject(self._folder, self._witness.see))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        self._scraper = Scraper(session, self._subject.url, self._draw)

    async def _live(self, seconds: float, rates: Rates) -> None:
        end = self._time.now() + seconds
        while self._time.now() < end:
            now = self._time.now()
            self._troubles.tick(now)
            self._expected["troubles"] += rates.troubles * STEP_SECONDS / HOUR
            self._expected["reloads"] += rates.reloads * STEP_SECONDS / HOUR
            if self._draw.random() < rates.troubles * STEP_SECONDS / HOUR:
                self._troubles.begin(now)
            reloads = self._draw.random() < rates.reloads * STEP_SECONDS / HOUR
            to = min(now + STEP_SECONDS, end)
            await self._step(to, reloads=reloads, at_once=rates.at_once)
            if self._time.now() % HOUR < STEP_SECONDS:
                self._witness.forget(now)
                self._line(await self._subject.measure())

    async def _rest(self) -> dict:
        """Nothing happens for a while but polls and scrapes; then all is measured."""
        self._troubles.over(self._time.now())
        self._settings.reset()
        await self._reload(200)
        end = self._time.now() + CALM_SECONDS
        resident = []
        while self._time.now() < end:
            await self._step(min(self._time.now() + STEP_SECONDS, end), reloads=False)
            resident.append(self._subject.resident())
        mark = {**await self._subject.measure(), "least": min(resident)}
        self._line(mark, f"at rest; {mark['least'] / 1024**2:.1f} MiB at least")
        return mark

    async def _step(self, to: float, *, reloads: bool, at_once: int = 1) -> None:
        expected = self._settings.change() if reloads else 0
        async with asyncio.TaskGroup() as group:
            group.create_task(self._subject.forward(to))
            if reloads:
                group.create_task(self._reload(expected))
            for _ in range(at_once):
                account = self._draw.choice(self._settings.accounts())
                group.create_task(self._scraper.any(account))
        # What a reload has published since.
        await self._subject.forward(to)
        self._simulator.world.catch_up()
        self._witness.judge(to)
        self._witness.missing(to, self._settings.wanted)
        self._witness.compare(to, await self._scraper.plain(), self._settings.accounts())
        self._polls += len(self._simulator.requests)
        self._simulator.requests.clear()

    async def _reload(self, expected: int) -> None:
        status = await self._scraper.reload()
        self._reloads += 1
        if status != expected:
            found = f"a reload answers {status} instead of {expected}"
            self._witness.violations.append(f"{self._time.now():.1f} {found}")

    def _of_the_end(self, marks: list[dict]) -> list[str]:
        """What grew, and what the log tells that it should not."""
        first, last = marks[0], marks[-1]
        most = {
            "least": 1.05 * first["least"],
            "resident": 1.05 * first["resident"],
            "blocks": 1.05 * first["blocks"],
            "tasks": first["tasks"],
            # Pooled connections that are kept for a while, to vendors and from scrapers.
            "files": first["files"] + 8,
            # The loop's own pool grows up to its limit.
            "threads": first["threads"] + 4,
        }
        grown = [
            f"{name} grew from {first[name]} to {last[name]}"
            for name, limit in most.items()
            if last[name] > limit
        ]
        if len(marks) < 2:
            grown.append("what grows was measured only once")
        text = self._subject.log.read_text(encoding="utf-8")
        bad = ("Traceback", "msg=bug", "Warning", "never awaited", "Unclosed")
        grown += [f"the log has {word!r}" for word in bad if word in text]
        if self._subject.returncode:
            grown.append(f"the exporter ended with {self._subject.returncode}")
        return grown

    def _counts(self) -> dict[str, float]:
        return {
            "polls": self._polls,
            "reloads": self._reloads,
            "changes": len(self._settings.counts),
            "troubles": self._troubles.made,
            "kinds": len(self._troubles.kinds),
            "scrapes": self._scraper.answered,
            "aborted": self._scraper.aborted,
            "exposed": self._witness.exposed,
            "judged": self._witness.judged,
            **{
                f"oldest {tier}": round(seconds)
                for tier, seconds in self._witness.oldest_seconds.items()
            },
            "slow": round(self._witness.slow_seconds[False]),
            "slow throttled": round(self._witness.slow_seconds[True]),
        }

    def _line(self, mark: dict, note: str = "") -> None:
        hours = (self._time.now() - BEGIN) / HOUR
        figures = {
            "rss": f"{mark['resident'] / 1024**2:.1f} MiB",
            **{name: mark[name] for name in ("files", "threads", "tasks", "blocks")},
            **self._counts(),
            "violations": len(self._witness.violations),
        }
        told = "  ".join(f"{name} {value}" for name, value in figures.items())
        real = time.monotonic() - self._started
        self._tell(f"{hours:7.2f} h  {real:5.0f} s  {told}  {note}".rstrip())
        fresh, self._told = self._witness.violations[self._told :], len(self._witness.violations)
        for violation in fresh[:TOLD_AT_ONCE]:
            self._tell(f"VIOLATION {violation}")
