"""From frozen values to sample lines, by the table of families. Pure; a step is the caller's.

A fault in a row of the table shows here, when a poll is rendered, and not at a scrape: a wrong
number of label values or the same series twice raises.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from exporter.domain import AccountState, Schedule, Scope, Task
from exporter.exposition import label_value, masked, number
from exporter.families import FAMILIES, ClockView, Collector, Family, InfoView, Labels, Subject

Lines = dict[str, list[str]]
"""Sample lines by family name."""

_OF_TASK: Final = (Subject.INFO, Subject.PROGRESS, Subject.SCHEDULE, Subject.SETTINGS, Subject.TASK)
_NAMES: Final = frozenset(
    {"task_name", "skill_group_name", "instance_name", "script_name", "batch"}
)
"""Labels with a name a person chose, in which a mobile number may stand; ids stay as they are."""


class Renderer:
    """Renders what one account exposes."""

    def __init__(self, *, platform: str, account: str, collect: Iterable[str]) -> None:
        """``collect`` holds the collectors that are on, as the configuration names them."""
        on = {*collect, Collector.ACCOUNT}
        families = [family for family in FAMILIES if family.collector in on]
        self._account = _pairs(("platform", "account"), (platform, account))
        self._of_task = tuple(
            (subject, tuple(family for family in families if family.subject is subject))
            for subject in _OF_TASK
        )
        self._of_clock = tuple(family for family in families if family.subject is Subject.CLOCK)
        self._of_state = tuple(family for family in families if family.subject is Subject.STATE)

    def tasks(self, scope: Scope, tasks: Iterable[Task]) -> Lines:
        """Lines of everything that follows from the tasks alone."""
        lines: Lines = {}
        for task in tasks:
            plain = self._task_labels(task)
            with_status = f'{plain},status="{task.status.value}"'
            for subject, families in self._of_task:
                value = _subject(subject, task, scope)
                if value is None:
                    continue
                for family in families:
                    labels = with_status if family.labels is Labels.TASK_STATUS else plain
                    _render(lines, family, labels, value)
        return lines

    def clock(self, views: Iterable[tuple[Task, ClockView]]) -> Lines:
        """Lines of everything that follows from calling hours and the time."""
        lines: Lines = {}
        for task, view in views:
            labels = self._task_labels(task)
            for family in self._of_clock:
                _render(lines, family, labels, view)
        return lines

    def state(self, state: AccountState) -> Lines:
        """Lines of the account itself."""
        lines: Lines = {}
        for family in self._of_state:
            _render(lines, family, self._account, state)
        return lines

    @property
    def follows_clock(self) -> bool:
        """Whether any family that is on follows the clock."""
        return bool(self._of_clock)

    def _task_labels(self, task: Task) -> str:
        name = label_value(masked(task.name))
        return f'{self._account},task_id="{label_value(task.id)}",task_name="{name}"'


def clocked(task: Task) -> Schedule | None:
    """The schedule that clock-driven families of ``task`` follow; None if there are no windows."""
    schedule = task.schedule
    return schedule if schedule is not None and schedule.windows else None


def _subject(subject: Subject, task: Task, scope: Scope) -> Any:
    match subject:
        case Subject.INFO:
            return InfoView(task.info, scope)
        case Subject.TASK:
            return task
        case _:
            return getattr(task, subject.value)


def _render(lines: Lines, family: Family, labels: str, subject: Any) -> None:
    value = family.read(subject)
    if value is None:
        return
    if not family.extra:
        lines.setdefault(family.name, []).append(f"{family.name}{{{labels}}} {number(value)}\n")
        return
    rendered = list(_with_extra(family, labels, value))
    if len({line.rpartition("}")[0] for line in rendered}) < len(rendered):
        raise ValueError(f"{family.name}: the same series twice")
    if rendered:
        lines.setdefault(family.name, []).extend(rendered)


def _with_extra(
    family: Family, labels: str, samples: Iterable[tuple[Sequence[str], float]]
) -> Iterator[str]:
    text = partial(_pairs, family.extra)
    for values, value in samples:
        yield f"{family.name}{{{labels},{text(values)}}} {number(value)}\n"


def _pairs(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{label_value(masked(value) if name in _NAMES else value)}"'
        for name, value in zip(names, values, strict=True)
    )
