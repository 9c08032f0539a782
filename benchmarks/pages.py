"""Rows of a Dezhu task list, encoded once, of which a known share changes from sweep to sweep."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from exporter.simulator.answers import encode
from exporter.simulator.campaign import Campaign
from exporter.simulator.dezhu_rows import STATUS_NUMBERS, task_of
from exporter.simulator.population import Place, Population

_RUNNING: Final = STATUS_NUMBERS["running"]
_TURNS: Final = 4
_CALLED = {"customerAmount": 10, "completedCount": 7, "connectedCount": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Which tasks there are, drawn as the simulator draws them.

    ``finished_share`` of all is finished, most others run. At each sweep ``changed_share`` of the
    rows of each status shows other numbers of customers than at the sweep before, and
    ``running_changed_share`` of those that run (None: the same share). No task changes its status.
    """

    tasks: int = 10_000
    seed: int = 1
    finished_share: float = 0.98
    changed_share: float = 0.01
    running_changed_share: float | None = None

    def share_of(self, status: int) -> float:
        """How many rows of a status change at a sweep, 0 to 1."""
        if status == _RUNNING and self.running_changed_share is not None:
            return self.running_changed_share
        return self.changed_share


class Pages:
    """Pages of the list, newest task first, put together from encoded rows.

    A sweep is told by its first page: whoever asks for page 1 of a status gets the next version of
    its rows. There are few versions, and after the last one comes the first one again, so that the
    share that changes is the same at every step.
    """

    def __init__(self, crowd: Crowd, *, now: float) -> None:
        """Draw the tasks; takes 50 microseconds each. ``now`` is in epoch seconds."""
        drawn = _drawn(crowd, now)
        self._versions = {
            status: _versions(rows, crowd.share_of(status), f"{crowd.seed}/{status}")
            for status, rows in drawn.items()
        }
        self._asked = dict.fromkeys(drawn, 0)

    def page(self, status: int | None, number: int, size: int) -> bytes:
        """The body of page ``number``, from 1; None is every status, and no sweep of its own."""
        if status is None:
            rows = [row for each in sorted(self._versions) for row in self._now(each)]
        else:
            self._asked[status] = self._asked.get(status, 0) + (number == 1)
            rows = self._now(status)
        chosen = b",".join(rows[(number - 1) * size : number * size])
        return b'{"code":"10000","message":"ok","data":{"total":%d,"list":[%s]}}' % (
            len(rows),
            chosen,
        )

    def _now(self, status: int) -> list[bytes]:
        versions = self._versions.get(status, [[]])
        return versions[max(0, self._asked[status] - 1) % len(versions)]


def _drawn(crowd: Crowd, now: float) -> dict[int, list[dict[str, Any]]]:
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in _rows(crowd, now):
        rows.setdefault(row["taskStatus"], []).append(row)
    return {status: mine[::-1] for status, mine in rows.items()}


def _rows(crowd: Crowd, now: float) -> Iterator[dict[str, Any]]:
    population = Population(Place("dezhu", "canned", ""), seed=crowd.seed, speed=1.0, now=now)
    campaigns: Iterator[Campaign] = population.initial(
        crowd.tasks, now=now, finished_share=crowd.finished_share
    )
    return (task_of(campaign) for campaign in campaigns)


def _versions(rows: list[dict[str, Any]], share: float, seed: str) -> list[list[bytes]]:
    """The rows at each sweep.

    A row that changes at all takes one turn to become another one and the same turn, half a round
    later, to become what it was; ``share`` of all rows have the same turn.
    """
    before = [encode(row) for row in rows]
    count = round(share * len(rows))
    if not count:
        return [before]
    turns = min(_TURNS, len(rows) // count)
    moving = random.Random(seed).sample(range(len(rows)), count * turns)
    turn_of = {place: number % turns for number, place in enumerate(moving)}
    after = {place: encode(_called(rows[place])) for place in moving}
    versions = []
    for version in range(2 * turns):
        shown = list(before)
        for place, turn in turn_of.items():
            if turn < version <= turn + turns:
                shown[place] = after[place]
        versions.append(shown)
    return versions


def _called(row: dict[str, Any]) -> dict[str, Any]:
    """The row after a few more customers were added and called."""
    row = row | {name: row[name] + more for name, more in _CALLED.items()}
    total, completed, connected = (row[name] for name in _CALLED)
    return row | {
        "connectPercentage": f"{connected / completed * 100:.2f}%",
        "taskProgress": f"{completed / total * 100:.2f}%",
    }
