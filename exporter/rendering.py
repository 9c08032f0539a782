"""From frozen values to sample lines, by the table of families. Pure; a step is the caller's.

A fault in a row of the table shows here, when a poll is rendered, and not at a scrape: a wrong
number of label values or the same series twice raises.

Tasks are made from a few templates, so their settings, calling hours and info repeat: what such a
value renders to is kept, and only the labels before it differ.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from exporter.domain import AccountState, Schedule, Scope, Task
from exporter.exposition import label_value, masked, number
from exporter.families import FAMILIES, ClockView, Collector, Family, InfoView, Labels, Subject

Lines = dict[str, list[str]]
"""Sample lines by family name."""

Tail = tuple[str, str, str]
"""Family name, ``name{``, and the line from the end of the common labels on."""

_NAMES: Final = frozenset(
    {"task_name", "skill_group_name", "instance_name", "script_name", "batch"}
)
"""Labels with a name a person chose, in which a mobile number may stand; ids stay as they are."""

_VALUES_KEPT: Final = 4096
_LABELS_KEPT: Final = 65536


class Renderer:
    """Renders what one account exposes."""

    def __init__(self, *, platform: str, account: str, collect: Iterable[str]) -> None:
        """``collect`` holds the collectors that are on, as the configuration names them."""
        on = {*collect, Collector.ACCOUNT}
        families = [family for family in FAMILIES if family.collector in on]
        self._account = _pairs(("platform", "account"), (platform, account))
        self._labels = lru_cache(_VALUES_KEPT)(self._task_labels)
        self._info = _kept(_tails_of(families, Subject.INFO, Labels.TASK_STATUS))
        self._progress = _tails_of(families, Subject.PROGRESS, Labels.TASK_STATUS)
        self._schedule = _kept(_tails_of(families, Subject.SCHEDULE, Labels.TASK))
        self._settings = _kept(_tails_of(families, Subject.SETTINGS, Labels.TASK))
        self._task = _tails_of(families, Subject.TASK, Labels.TASK)
        self._clock = _kept(_tails_of(families, Subject.CLOCK, Labels.TASK))
        self._state = _tails_of(families, Subject.STATE, Labels.ACCOUNT)
        self.follows_clock = any(family.subject is Subject.CLOCK for family in families)
        """Whether any family that is on follows the clock."""

    def tasks(self, scope: Scope, tasks: Iterable[Task]) -> Lines:
        """Lines of everything that follows from the tasks alone."""
        lines: Lines = {}
        for task in tasks:
            labels = self._labels(task.id, task.name)
            with_status = f'{labels},status="{task.status.value}"'
            _put(lines, with_status, self._info(InfoView(task.info, scope)))
            _put(lines, with_status, self._progress(task.progress))
            _put(lines, labels, self._schedule(task.schedule))
            _put(lines, labels, self._task(task))
            _put(lines, labels, self._settings(task.settings))
        return lines

    def clock(self, views: Iterable[tuple[Task, ClockView]]) -> Lines:
        """Lines of everything that follows from calling hours and the time."""
        lines: Lines = {}
        for task, view in views:
            _put(lines, self._labels(task.id, task.name), self._clock(view))
        return lines

    def state(self, state: AccountState) -> Lines:
        """Lines of the account itself."""
        lines: Lines = {}
        _put(lines, self._account, self._state(state))
        return lines

    def _task_labels(self, task_id: str, name: str) -> str:
        shown = label_value(masked(name))
        return f'{self._account},task_id="{label_value(task_id)}",task_name="{shown}"'


def clocked(task: Task) -> Schedule | None:
    """The schedule that clock-driven families of ``task`` follow; None if there are no windows."""
    schedule = task.schedule
    return schedule if schedule is not None and schedule.windows else None


def _put(lines: Lines, labels: str, tails: Iterable[Tail]) -> None:
    for name, opening, tail in tails:
        line = f"{opening}{labels}{tail}"
        if name in lines:
            lines[name].append(line)
        else:
            lines[name] = [line]


def _kept(tails: Callable[[Any], tuple[Tail, ...]]) -> Callable[[Hashable], tuple[Tail, ...]]:
    return lru_cache(_VALUES_KEPT)(tails)


def _tails_of(
    families: Iterable[Family], subject: Subject, labels: Labels
) -> Callable[[Any], tuple[Tail, ...]]:
    """What turns a subject into the tails of its families' lines; none for None."""
    mine = [family for family in families if family.subject is subject]
    for family in mine:
        if family.labels is not labels:
            raise ValueError(f"{family.name}: a family of {subject} has the labels {labels.name}")
    plain = [(each.name, f"{each.name}{{", each.read) for each in mine if not each.extra]
    labelled = [(each, f"{each.name}{{") for each in mine if each.extra]

    def tails(value: Any) -> tuple[Tail, ...]:
        if value is None:
            return ()
        found = [
            (name, opening, f"}} {_number(sample)}\n")
            for name, opening, read in plain
            if (sample := read(value)) is not None
        ]
        for family, opening in labelled:
            if samples := tuple(family.read(value)):
                found += [(family.name, opening, tail) for tail in _with_extra(family, samples)]
        return tuple(found)

    return tails


def _with_extra(family: Family, samples: Iterable[tuple[Sequence[str], float]]) -> list[str]:
    rows = [(_pairs(family.extra, tuple(values)), value) for values, value in samples]
    if len({labels for labels, _ in rows}) < len(rows):
        raise ValueError(f"{family.name}: the same series twice")
    return [f",{labels}}} {_number(value)}\n" for labels, value in rows]


def _number(value: float) -> str:
    return f"{value}" if type(value) is int else number(value)


@lru_cache(_LABELS_KEPT)
def _pairs(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{label_value(masked(value) if name in _NAMES else value)}"'
        for name, value in zip(names, values, strict=True)
    )
