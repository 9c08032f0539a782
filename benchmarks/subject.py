"""The exporter as a process that tells what it does: ``subject OPTIONS [flags of the command]``.

It runs the real command. After each publication in which a reading ended, or the number of series
changed, it prints one line of JSON, where asked to after any; ``OPTIONS`` is JSON too, see
``Options``. At its end it prints the steps of its loop.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.steps import StepMeter, percentile
from exporter import app, cli
from exporter.clock import SystemClock

_BEAT_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured.

    ``tick_after`` is how many seconds after the start a new minute begins: all that follows the
    clock is then rendered again. ``busy`` blocks the loop once for so many seconds of CPU time, to
    show that it is seen. ``steps`` and ``lag`` switch these instruments on; ``publications`` tells
    of each publication, not only of those in which a reading ended.
    """

    steps: bool = False
    lag: bool = False
    publications: bool = False
    busy: float = 0.0
    tick_after: float = 59.0


class ShiftedClock(SystemClock):
    """The machine's clock, set back by less than a minute."""

    def __init__(self, tick_after: float) -> None:
        self._shift = (super().now() + tick_after) % 60

    def now(self) -> float:
        return super().now() - self._shift

    def next_minute(self) -> float:
        """When the next minute of this clock begins, on the monotonic one."""
        return time.monotonic() + 60 - self.now() % 60


class Watch:
    """What is told of one exporter."""

    def __init__(self, options: Options) -> None:
        self.lags: list[float] = []
        self.clock = ShiftedClock(options.tick_after)
        self._options = options
        self._told: tuple[dict[str, Any], int] = ({}, 0)

    async def run(self, exporter: app.Exporter) -> None:
        """Tell of each reading that ends; until it is cancelled."""
        _tell("listening", url=exporter.urls[0], minute=self.clock.next_minute())
        async with asyncio.TaskGroup() as group:
            if self._options.lag:
                group.create_task(self._beat(), name="beat")
            if self._options.busy:
                group.create_task(busy(self._options.busy), name="busy")
            while True:
                await exporter.store.published()
                self._look(exporter)

    def _look(self, exporter: app.Exporter) -> None:
        ended = {
            f"{name}/{tier.value}": state.last_success
            for name, view in exporter.store.views.items()
            for tier, state in view.state.tiers.items()
        }
        samples = exporter.store.publication.body.samples
        # Of several scopes each first reading brings series, yet moves no tier's time.
        if (ended, samples) != self._told or self._options.publications:
            self._told = ended, samples
            _tell("reading", ended=ended, samples=samples, **memory())

    async def _beat(self) -> None:
        while True:
            due = time.monotonic() + _BEAT_SECONDS
            await asyncio.sleep(_BEAT_SECONDS)
            self.lags.append(time.monotonic() - due)


async def busy(seconds: float) -> None:
    """Block the loop for so many seconds of CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def memory() -> dict[str, int]:
    """Resident bytes of this process, now and at the most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {
        name: int(fields[field].split()[0]) * 1024
        for name, field in (("rss", "VmRSS"), ("peak_rss", "VmHWM"))
    }


def _tell(event: str, **values: Any) -> None:
    row = {"event": event, "cpu": time.process_time(), "wall": time.monotonic(), **values}
    print(json.dumps(row), flush=True)


def _watched(watch: Watch) -> type[app.Exporter]:
    class Watched(app.Exporter):
        def __init__(self, config: Any, settings: app.Settings) -> None:
            super().__init__(config, replace(settings, clock=watch.clock))

        async def __aenter__(self) -> app.Exporter:
            _tell("opening", **memory())
            await super().__aenter__()
            self._watching = asyncio.create_task(watch.run(self), name="watch")
            return self

        async def __aexit__(self, *error: object) -> None:
            self._watching.cancel()
            await super().__aexit__(*error)

    return Watched


def main() -> None:
    """Run the command."""
    options = Options(**json.loads(sys.argv[1]))
    watch, meter = Watch(options), StepMeter()
    app.Exporter = _watched(watch)
    if options.steps:
        with meter.installed():
            code = cli.run(sys.argv[2:])
    else:
        code = cli.run(sys.argv[2:])
    lags = {"longest": max(watch.lags, default=0.0), "p99": percentile(watch.lags, 0.99)}
    _tell("end", steps=meter.summary(), lag=lags, **memory())
    sys.stdout.flush()
    os._exit(code)  # nothing is left to do; freeing a hundred thousand tasks takes seconds


if __name__ == "__main__":
    main()
