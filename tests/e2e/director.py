"""Runs all scenarios at once: spoil, wait for the notice, mend, wait for the resolved one."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Self, TypeVar

from tests.e2e.field import Field
from tests.e2e.periods import FIRES_WITHIN, RESOLVES_WITHIN
from tests.e2e.scenario import Scenario
from tests.e2e.stacks import Stack
from tests.servers.alertmanager import Notice
from tests.servers.prometheus import Answer

LOOK_SECONDS = 0.5
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What one version told of one scenario; None for a notice that did not come in time."""

    firing: Notice | None
    resolved: Notice | None
    fired_after: float
    """Seconds after the trouble began."""
    resolved_after: float
    """Seconds after it was mended."""
    mended_at: float
    """Seconds of the monotonic clock."""
    held_back: Mapping[str, str] = field(default_factory=dict)
    """Labels of the alert that followed from the trouble and was inhibited."""

    def __str__(self) -> str:
        return f"fired after {self.fired_after:.1f} s, ended after {self.resolved_after:.1f} s"


class Director:
    """Runs scenarios side by side on the same exporters, seen by every version.

    The kernel ends a program with the thread that started it (`tests.servers.process`); a thread
    of this pool lives as long as the pool, so an exporter that a scenario restarts does as well.
    """

    def __init__(
        self, field: Field, stacks: Sequence[Stack], scenarios: Sequence[Scenario]
    ) -> None:
        self._field = field
        self._stacks = stacks
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(scenarios)))
        for scenario in scenarios:
            for act in scenario.begin:
                act(field)
        self._running: dict[str, Future[Mapping[str, Outcome]]] = {
            scenario.name: self._pool.submit(self._play, scenario) for scenario in scenarios
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def outcome(self, scenario: Scenario, stack: Stack) -> Outcome:
        """What came of a scenario; waits for its end."""
        return self._running[scenario.name].result()[stack.version.name]

    def finish(self) -> None:
        """Wait for the end of all scenarios.

        Raises:
            BaseExceptionGroup: Some broke, so that there was less to see than there should be.
        """
        found = {name: running.exception() for name, running in self._running.items()}
        broken = {name: error for name, error in found.items() if error is not None}
        if broken:
            raise BaseExceptionGroup(f"scenarios broke: {', '.join(broken)}", [*broken.values()])

    def _play(self, scenario: Scenario) -> Mapping[str, Outcome]:
        if scenario.once:
            for stack in self._stacks:
                self._until(lambda: _answer(stack, scenario.once), what=scenario.once)  # noqa: B023
        spoiled = monotonic()
        scenario.spoil(self._field)
        fired = [self._notice(scenario, stack, "firing", spoiled) for stack in self._stacks]
        held_back = [
            self._held_back(scenario, stack) if scenario.follows else {} for stack in self._stacks
        ]
        mended = monotonic()
        scenario.mend(self._field)
        resolved = [
            self._notice(scenario, stack, "resolved", mended) if first is not None else None
            for stack, first in zip(self._stacks, fired, strict=True)
        ]
        return {
            stack.version.name: Outcome(
                firing=first,
                resolved=last,
                fired_after=first.at - spoiled if first else float("inf"),
                resolved_after=last.at - mended if last else float("inf"),
                mended_at=mended,
                held_back=held,
            )
            for stack, first, last, held in zip(
                self._stacks, fired, resolved, held_back, strict=True
            )
        }

    def _notice(self, scenario: Scenario, stack: Stack, status: str, since: float) -> Notice | None:
        within = FIRES_WITHIN if status == "firing" else RESOLVES_WITHIN
        return stack.webhook.wait(
            lambda one: one.status == status and scenario.is_told_by(one),
            within=max(0.0, since + within - monotonic()),
            after=since,
        )

    def _held_back(self, scenario: Scenario, stack: Stack) -> Mapping[str, str]:
        """Wait for the alert that follows, inhibited."""

        def inhibited() -> Mapping[str, str] | None:
            for alert in stack.alertmanager.alerts():
                follows = scenario.follows.items() <= alert["labels"].items()
                if follows and alert["status"]["inhibitedBy"]:
                    return alert["labels"]
            return None

        return self._until(inhibited, what=f"{dict(scenario.follows)} inhibited")

    def _until(self, look: Callable[[], T | None], *, what: str) -> T:
        """Look at something, which tells nobody of its changes, until it is there."""
        deadline = monotonic() + FIRES_WITHIN
        while (found := look()) is None:
            if self._stop.wait(LOOK_SECONDS) or monotonic() > deadline:
                raise TimeoutError(f"not in time: {what}")
        return found


def _answer(stack: Stack, expression: str) -> Answer | None:
    answer = stack.prometheus.query(expression)
    return answer if answer.result else None
