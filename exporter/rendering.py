"""From frozen values to sample lines, by the table of families. Pure; a step is the caller's.

A fault in a row of the table shows here, when a poll is rendered, and not at a scrape: a wrong
number of label values or the same series twice raises.

Tasks are rendered some hundred at a time, family by family, so that the work is done in C: a column
of counts is turned to text at once, and where tasks share a value (they are made from a few
templates, so their settings, calling hours and info repeat) their lines differ in the labels alone
and are one ``join``. Lines of a family stand grouped by such values, not in the order of the tasks.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, Final, NamedTuple

from exporter.domain import AccountState, Concurrency, Schedule, Scope, Status, Task
from exporter.exposition import Text, label_value, masked, number
from exporter.families import FAMILIES, ClockView, Collector, Family, InfoView, Labels, Subject
from exporter.steps import chunks

Lines = Mapping[str, Text]
"""Sample lines by family name."""

Tail = tuple[str, bytes, bytes]
"""Family name, its line up to the labels of a task, and its line from there on."""

_NAMES: Final = frozenset(
    {"task_name", "skill_group_name", "instance_name", "script_name", "batch"}
)
"""Labels with a name a person chose, in which a mobile number may stand; ids stay as they are."""

_VALUES_KEPT: Final = 512
_STEP_VALUES: Final = 100
_WHOLE: Final = {int}
# To look for the type is several times faster than to look for None among numbers.
_NOTHING: Final = type(None)
_LABELS_KEPT: Final = 65536
_FEW_LABELS: Final = 2


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
        self._schedule = _columns_of(families, Subject.SCHEDULE, Labels.TASK, task)
        self._settings = _kept(_tails_of(families, Subject.SETTINGS, Labels.TASK, task))
        self._columns = _columns_of(families, Subject.TASK, Labels.TASK, task)
        # Not kept: what agents have is another thing for each task and at each poll.
        self._agents = _tails_of(families, Subject.TASK_AGENTS, Labels.TASK, task)
        self._clock = _columns_of(families, Subject.CLOCK, Labels.TASK, task)
        self._state = _tails_of(families, Subject.STATE, Labels.ACCOUNT, common)
        self._concurrency = _columns_of(families, Subject.CONCURRENCY, Labels.TASK, task)
        self.follows_clock = any(family.subject is Subject.CLOCK for family in families)
        """Whether any family that is on follows the clock."""

    def tasks(
        self, scope: Scope, tasks: Sequence[Task], labels: Sequence[bytes]
    ) -> Generator[None, None, Lines]:
        """Lines of everything that follows from the tasks alone; ``labels`` are theirs.

        Yields at times, so that the caller can let others run: the more tasks are rendered at once
        the less each costs, but some hundred that have nothing in common take long.
        """
        sheet = _Sheet()
        rows = zip(tasks, labels, strict=True)
        with_status = [label + _STATUSES[task.status] for task, label in rows]
        plain = _for_format(labels)
        sheet.columns(self._progress, [task.progress for task in tasks], _for_format(with_status))
        sheet.columns(self._schedule, [task.schedule for task in tasks], plain)
        sheet.columns(self._columns, tasks, plain)
        yield
        info = _grouped((InfoView(task.info, scope) for task in tasks), with_status)
        yield from sheet.repeated(self._info, info)
        settings = _grouped((task.settings for task in tasks), labels)
        yield from sheet.repeated(self._settings, settings)
        agents = _grouped((task.agents or None for task in tasks), labels)
        yield from sheet.repeated(self._agents, agents)
        return sheet.lines()

    def clock(self, views: Sequence[ClockView], labels: Sequence[bytes]) -> Lines:
        """Lines of everything that follows from calling hours and the time; a view a task."""
        sheet = _Sheet()
        sheet.columns(self._clock, views, _for_format(labels))
        return sheet.lines()

    def concurrency(self, tasks: Iterable[tuple[str, str, Concurrency]]) -> Lines:
        """Lines of the calls at the same time of tasks, each with its id and name."""
        rows = list(tasks)
        labels = [task_labels(task_id, name) for task_id, name, _ in rows]
        sheet = _Sheet()
        sheet.columns(self._concurrency, [row[2] for row in rows], _for_format(labels))
        return sheet.lines()

    def state(self, state: AccountState) -> Lines:
        """Lines of the account itself."""
        sheet = _Sheet()
        sheet.repeat(self._state(state), (b"",))
        return sheet.lines()


def task_labels(task_id: str, name: str) -> bytes:
    """The labels of a task as they stand in each of its lines."""
    shown = label_value(masked(name))
    return f'task_id="{label_value(task_id)}",task_name="{shown}"'.encode(errors="replace")


def clocked(task: Task) -> Schedule | None:
    """The schedule that clock-driven families of ``task`` follow; None if there are no windows."""
    schedule = task.schedule
    return schedule if schedule is not None and schedule.windows else None


class _Column(NamedTuple):
    """One sample a task: ``read`` gives it, the rest is its line around the labels of the task.

    ``closing`` ends with ``%d``; neither holds another per cent sign that is not doubled.
    """

    family: str
    opening: bytes
    closing: bytes
    read: Callable[[Any], float | None]


class _Sheet:
    """Lines that come piece by piece."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[bytes]] = {}
        self._samples: dict[str, int] = {}

    def repeat(self, tails: Iterable[Tail], labels: Sequence[bytes]) -> None:
        """Add for each tail a line for each of the labels."""
        for name, opening, tail in tails:
            self._add(name, (opening, (tail + opening).join(labels), tail), len(labels))

    def repeated(
        self, tails: Callable[[Any], Iterable[Tail]], groups: Mapping[Any, Sequence[bytes]]
    ) -> Generator[None, None, None]:
        """Add the lines of tasks that share a value, for each value; pauses at times."""
        for step in chunks(groups.items(), _STEP_VALUES):
            for value, labels in step:
                self.repeat(tails(value), labels)
            yield

    def columns(
        self, columns: Iterable[_Column], subjects: Sequence[Any], labels: Sequence[bytes]
    ) -> None:
        """Add for each column a line for each subject that has the sample; None has none.

        ``labels`` may stand in a format: per cent signs are doubled in them.
        """
        if _NOTHING in set(map(type, subjects)):
            subjects, labels = _present(subjects, labels)
        for name, opening, closing, read in columns:
            values: Sequence[Any] = list(map(read, subjects))
            mine, kinds = labels, set(map(type, values))
            if _NOTHING in kinds:
                values, mine = _present(values, labels)
                kinds.remove(_NOTHING)
            if not values:
                continue
            whole = kinds == _WHOLE
            end = closing if whole else closing.replace(b"%d", b"%b")
            lines = opening + (end + opening).join(mine) + end
            shown = lines % tuple(values if whole else map(_number, values))
            self._add(name, (shown,), len(values))

    def lines(self) -> Lines:
        """Everything that was added."""
        return {name: Text(pieces, self._samples[name]) for name, pieces in self._pieces.items()}

    def _add(self, name: str, pieces: Iterable[bytes], samples: int) -> None:
        if name in self._pieces:
            self._pieces[name].extend(pieces)
            self._samples[name] += samples
        else:
            self._pieces[name] = list(pieces)
            self._samples[name] = samples


def _present(
    values: Sequence[Any], labels: Sequence[bytes]
) -> tuple[Sequence[Any], Sequence[bytes]]:
    """Values that are there, and their labels."""
    there = [value is not None for value in values]
    return list(compress(values, there)), list(compress(labels, there))


def _for_format(labels: Sequence[bytes]) -> Sequence[bytes]:
    """Labels with per cent signs doubled."""
    if b"%" not in b"".join(labels):
        return labels
    return [label.replace(b"%", b"%%") for label in labels]


def _grouped(values: Iterable[Any], labels: Iterable[bytes]) -> dict[Any, list[bytes]]:
    """Labels by the value that their tasks share; None is nobody's."""
    groups: dict[Any, list[bytes]] = {}
    for value, label in zip(values, labels, strict=True):
        if value in groups:
            groups[value].append(label)
        elif value is not None:
            groups[value] = [label]
    return groups


def _kept(tails: Callable[[Any], tuple[Tail, ...]]) -> Callable[[Any], tuple[Tail, ...]]:
    return lru_cache(_VALUES_KEPT)(tails)


def _columns_of(
    families: Iterable[Family], subject: Subject, labels: Labels, common: str
) -> tuple[_Column, ...]:
    """The samples of a subject that each of its tasks has at most once."""
    return tuple(
        _Column(
            family.name,
            f"{family.name}{{{common}".replace("%", "%%").encode(),
            f"{',' if values else ''}{_pairs(family.extra, values)}}} %d\n".encode(),
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
    # Many together are kept as a part of their line, and long: among what is free they would lie.
    pairs = _pairs if len(family.extra) <= _FEW_LABELS else _pairs.__wrapped__
    rows = [(pairs(family.extra, tuple(own)), sample) for own, sample in family.samples(value)]
    if len({labels for labels, _ in rows}) < len(rows):
        raise ValueError(f"{family.name}: the same series twice")
    comma = "," if family.extra else ""
    return [
        f"{comma}{labels}}} ".encode(errors="replace") + _number(sample) + b"\n"
        for labels, sample in rows
    ]


# Few: tasks that stand side by side share them, and those that follow the time never come again.
@lru_cache(_VALUES_KEPT)
def _number(value: float) -> bytes:
    return number(value).encode()


@lru_cache(_LABELS_KEPT)
def _pairs(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{label_value(masked(value) if name in _NAMES else value)}"'
        for name, value in zip(names, values, strict=True)
    )


_STATUSES: Final = {status: f',status="{status.value}"'.encode() for status in Status}
