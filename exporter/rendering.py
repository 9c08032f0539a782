"""From frozen values to sample lines, by the table of families. Pure; a step is the caller's.

A fault in a row of the table shows here, when a poll is rendered, and not at a scrape: a wrong
number of label values or the same series twice raises.

Tasks are rendered some hundred at a time, family by family, so that the work is done in C: a column
of counts is turned to text at once, and where tasks share a value (they are made from a few
templates, so their settings, calling hours and info repeat) their lines differ in the labels alone
and are one ``join``. Lines of a family stand grouped by such values, not in the order of the tasks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, compress, repeat
from typing import Any, Final, NamedTuple

from exporter.domain import AccountState, Schedule, Scope, Status, Task
from exporter.exposition import label_value, masked, number
from exporter.families import FAMILIES, ClockView, Collector, Family, InfoView, Labels, Subject


class Text(NamedTuple):
    """Whole lines of one family, ``samples`` of them."""

    plain: bytes
    samples: int


Lines = Mapping[str, Text]
"""Sample lines by family name."""

Tail = tuple[str, bytes, bytes]
"""Family name, its line up to the labels of a task, and its line from there on."""

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
        common = _pairs(("platform", "account"), (platform, account))
        task = f"{common},"
        self._info = _kept(_tails_of(families, Subject.INFO, Labels.TASK_STATUS, task))
        self._progress = _columns_of(families, Subject.PROGRESS, Labels.TASK_STATUS, task)
        self._schedule = _kept(_tails_of(families, Subject.SCHEDULE, Labels.TASK, task))
        self._settings = _kept(_tails_of(families, Subject.SETTINGS, Labels.TASK, task))
        self._columns = _columns_of(families, Subject.TASK, Labels.TASK, task)
        several = [family for family in families if not family.columns]
        self._several = _tails_of(several, Subject.TASK, Labels.TASK, task)
        self._has_several = any(family.subject is Subject.TASK for family in several)
        self._clock = _kept(_tails_of(families, Subject.CLOCK, Labels.TASK, task))
        self._state = _tails_of(families, Subject.STATE, Labels.ACCOUNT, common)
        self.follows_clock = any(family.subject is Subject.CLOCK for family in families)
        """Whether any family that is on follows the clock."""

    def tasks(self, scope: Scope, tasks: Sequence[Task], labels: Sequence[bytes]) -> Lines:
        """Lines of everything that follows from the tasks alone; ``labels`` are theirs."""
        sheet = _Sheet()
        rows = zip(tasks, labels, strict=True)
        with_status = [label + _STATUSES[task.status] for task, label in rows]
        for info, mine in grouped((task.info for task in tasks), with_status).items():
            sheet.repeat(self._info(InfoView(info, scope)), mine)
        for schedule, mine in grouped((task.schedule for task in tasks), labels).items():
            sheet.repeat(self._schedule(schedule), mine)
        for settings, mine in grouped((task.settings for task in tasks), labels).items():
            sheet.repeat(self._settings(settings), mine)
        progress = [task.progress for task in tasks]
        for column in self._progress:
            sheet.column(column, progress, with_status)
        for column in self._columns:
            sheet.column(column, tasks, labels)
        if self._has_several:
            for task, label in zip(tasks, labels, strict=True):
                sheet.repeat(self._several(task), (label,))
        return sheet.lines()

    def clock(self, views: Iterable[tuple[ClockView, Sequence[bytes]]]) -> Lines:
        """Lines of everything that follows from calling hours and the time.

        ``views`` are what calling hours come to now, each with the labels of its tasks.
        """
        sheet = _Sheet()
        for view, labels in views:
            sheet.repeat(self._clock(view), labels)
        return sheet.lines()

    def state(self, state: AccountState) -> Lines:
        """Lines of the account itself."""
        sheet = _Sheet()
        sheet.repeat(self._state(state), (b"",))
        return sheet.lines()


def task_labels(task: Task) -> bytes:
    """The labels of a task as they stand in each of its lines."""
    shown = label_value(masked(task.name))
    return f'task_id="{label_value(task.id)}",task_name="{shown}"'.encode(errors="replace")


def clocked(task: Task) -> Schedule | None:
    """The schedule that clock-driven families of ``task`` follow; None if there are no windows."""
    schedule = task.schedule
    return schedule if schedule is not None and schedule.windows else None


def grouped(values: Iterable[Any], labels: Iterable[bytes]) -> dict[Any, list[bytes]]:
    """Labels by the value that their tasks share; None is nobody's."""
    groups: dict[Any, list[bytes]] = {}
    for value, label in zip(values, labels, strict=True):
        if value in groups:
            groups[value].append(label)
        elif value is not None:
            groups[value] = [label]
    return groups


class _Column(NamedTuple):
    """One sample a task: ``read`` gives it, ``opening`` and ``middle`` stand around the labels."""

    family: str
    opening: bytes
    middle: bytes
    read: Callable[[Any], float | None]


class _Sheet:
    """Lines that come piece by piece."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[bytes]] = {}
        self._samples: dict[str, int] = {}

    def repeat(self, tails: Iterable[Tail], labels: Sequence[bytes]) -> None:
        """Add for each tail a line for each of the labels."""
        for name, opening, tail in tails:
            self._add(name, opening + (tail + opening).join(labels) + tail, len(labels))

    def column(self, column: _Column, subjects: Iterable[Any], labels: Sequence[bytes]) -> None:
        """Add a line for each subject that has the sample."""
        name, opening, middle, read = column
        values = list(map(read, subjects))
        if None in values:
            there = [value is not None for value in values]
            labels, values = list(compress(labels, there)), list(compress(values, there))
        if not values:
            return
        shown = map(str, values) if set(map(type, values)) == {int} else map(_number, values)
        # One encode for all of them, and each with the end of its line.
        ends = ("\n".join(shown) + "\n").encode().splitlines(keepends=True)
        rows = zip(repeat(opening), labels, repeat(middle), ends, strict=False)
        self._add(name, b"".join(chain.from_iterable(rows)), len(values))

    def lines(self) -> Lines:
        """Everything that was added."""
        return {
            name: Text(b"".join(pieces), self._samples[name])
            for name, pieces in self._pieces.items()
        }

    def _add(self, name: str, plain: bytes, samples: int) -> None:
        if name in self._pieces:
            self._pieces[name].append(plain)
            self._samples[name] += samples
        else:
            self._pieces[name] = [plain]
            self._samples[name] = samples


def _kept(tails: Callable[[Any], tuple[Tail, ...]]) -> Callable[[Any], tuple[Tail, ...]]:
    return lru_cache(_VALUES_KEPT)(tails)


def _columns_of(
    families: Iterable[Family], subject: Subject, labels: Labels, common: str
) -> tuple[_Column, ...]:
    """The samples of a subject that each of its tasks has at most once."""
    return tuple(
        _Column(
            family.name,
            f"{family.name}{{{common}".encode(),
            f"{',' if values else ''}{_pairs(family.extra, values)}}} ".encode(),
            read,
        )
        for family in _of_subject(families, subject, labels)
        for values, read in family.columns
    )


def _tails_of(
    families: Iterable[Family], subject: Subject, labels: Labels, common: str
) -> Callable[[Any], tuple[Tail, ...]]:
    """What turns a subject into the tails of its families' lines."""
    mine = [
        (family, f"{family.name}{{{common}".encode())
        for family in _of_subject(families, subject, labels)
    ]

    def tails(value: Any) -> tuple[Tail, ...]:
        return tuple(
            (family.name, opening, tail)
            for family, opening in mine
            for tail in _tails(family, value)
        )

    return tails


def _of_subject(families: Iterable[Family], subject: Subject, labels: Labels) -> list[Family]:
    mine = [family for family in families if family.subject is subject]
    for family in mine:
        if family.labels is not labels:
            raise ValueError(f"{family.name}: a family of {subject} has the labels {labels.name}")
    return mine


def _tails(family: Family, value: Any) -> list[bytes]:
    rows = [(_pairs(family.extra, tuple(own)), sample) for own, sample in family.samples(value)]
    if len({labels for labels, _ in rows}) < len(rows):
        raise ValueError(f"{family.name}: the same series twice")
    comma = "," if family.extra else ""
    return [
        f"{comma}{labels}}} {_number(sample)}\n".encode(errors="replace") for labels, sample in rows
    ]


@lru_cache(_LABELS_KEPT)
def _number(value: float) -> str:
    return number(value)


@lru_cache(_LABELS_KEPT)
def _pairs(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{label_value(masked(value) if name in _NAMES else value)}"'
        for name, value in zip(names, values, strict=True)
    )


_STATUSES: Final = {status: f',status="{status.value}"'.encode() for status in Status}
