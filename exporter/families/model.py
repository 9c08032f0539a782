"""What a row of the table of families is made of."""

from collections.abc import Callable, Iterable
from enum import Enum, StrEnum
from typing import Any

import msgspec

from exporter.domain import Info, Scope

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values of a family's own labels, and the sample."""


class Labels(Enum):
    """Labels that come before a family's own."""

    TASK_STATUS = ("platform", "account", "task_id", "task_name", "status")
    TASK = ("platform", "account", "task_id", "task_name")
    ACCOUNT = ("platform", "account")


class Collector(StrEnum):
    """What a user switches on with ``collect``; ``account`` is always on."""

    PROGRESS = "progress"
    SCHEDULE = "schedule"
    SETTINGS = "settings"
    AGENTS = "agents"
    CONCURRENCY = "concurrency"
    ACCOUNT = "account"


class Subject(StrEnum):
    """The value that a family is read from; the parts of a task may be None."""

    INFO = "info"
    PROGRESS = "progress"
    SCHEDULE = "schedule"
    SETTINGS = "settings"
    TASK_AGENTS = "agents"
    TASK = "task"
    CLOCK = "clock"
    STATE = "state"
    CONCURRENCY = "concurrency"


class InfoView(msgspec.Struct, frozen=True, gc=False):
    """What ``outbound_task_info`` is read from."""

    info: Info
    scope: Scope


class ClockView(msgspec.Struct, frozen=True, gc=False):
    """What follows from a schedule at one moment; ``remaining`` in seconds."""

    window_open: bool | None
    remaining: float | None


Column = tuple[tuple[str, ...], Callable[[Any], float | None]]
"""Values of a family's own labels, and what reads the one sample that has them."""


class Family(msgspec.Struct, frozen=True):
    """One metric family, a gauge.

    With ``extra`` labels ``read`` yields (values of those labels, sample) pairs, otherwise it
    returns one sample; None leaves it out. Where the values of the extra labels are known
    beforehand ``read`` is instead a column for each of them. ``dezhu`` and ``aliyun`` say for the
    docs which field of the vendor it stands for; empty: that vendor has no such thing.
    """

    name: str
    collector: Collector
    labels: Labels
    subject: Subject
    help: str
    read: Callable[[Any], Any] | tuple[Column, ...]
    extra: tuple[str, ...] = ()
    dezhu: str = ""
    aliyun: str = ""

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels, in the order in which they are written."""
        return (*self.labels.value, *self.extra)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The samples whose labels are known beforehand; none where only ``read`` tells them."""
        if isinstance(self.read, tuple):
            return self.read
        return () if self.extra else (((), self.read),)

    def samples(self, value: Any) -> Samples:
        """All samples of one value, each with the values of the family's own labels."""
        if not isinstance(self.read, tuple) and self.extra:
            yield from self.read(value)
            return
        for values, read in self.columns:
            sample = read(value)
            if sample is not None:
                yield values, sample
