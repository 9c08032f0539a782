"""From frozen views to what the page shows, in words. Pure; slow where tasks are many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from exporter.domain import AccountState, Progress, Status, Task, Tier
from exporter.exposition import MAX_LABEL_CHARACTERS, masked
from exporter.store import AccountView
from exporter.web.wording import When, counted, grouped, percent, span_words, when

MAX_TASKS: Final = 50
MAX_FAILURES: Final = 20
_NOTABLE_OFFSET_SECONDS: Final = 5
_COLUMNS: Final = ("connected", "executing", "scheduling", "paused", "failed", "cancelled", "calls")

Health = Literal["down", "pending", "up"]
_ORDER: Final[Sequence[Health]] = ("down", "pending", "up")


@dataclass(frozen=True, slots=True)
class Chip:
    """A status and how many tasks have it."""

    status: str
    words: str
    count: str


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One thing that is wrong now."""

    where: str
    reason: str
    message: str
    since: When


@dataclass(frozen=True, slots=True)
class TierLine:
    """How one tier fares; ``success`` None: never yet."""

    name: str
    success: When | None
    interval: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar with its text."""

    value: float
    maximum: float
    percent: str
    words: str


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task; ``counts`` stand under the card's columns, empty where the vendor has none."""

    id: str
    name: str
    status: str
    status_words: str
    bar: Bar | None
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One account."""

    name: str
    label: str
    platform: str
    health: Health
    total: str
    failures: tuple[FailureLine, ...]
    more_failures: int
    tiers: tuple[TierLine, ...]
    chips: tuple[Chip, ...]
    notes: tuple[str, ...]
    columns: tuple[str, ...]
    tasks: tuple[TaskLine, ...]
    more_tasks: str


def in_order(views: Iterable[AccountView]) -> list[AccountView]:
    """Accounts that are down first, then those not polled yet."""
    return sorted(views, key=lambda view: _ORDER.index(health_of(view)))


def health_of(view: AccountView) -> Health:
    """How an account fares, in one word."""
    up = view.state.up
    return "pending" if up is None else "up" if up else "down"


def card_of(view: AccountView, now: float) -> Card:
    """Everything about one account."""
    state = view.state
    total = sum(state.tasks.values())
    shown = view.tasks[:MAX_TASKS]
    columns = tuple(
        name for name in _COLUMNS if any(getattr(task.progress, name) is not None for task in shown)
    )
    more = max(0, total - len(shown))
    return Card(
        name=view.name,
        label=shown_name(view.name),
        platform=view.platform,
        health=health_of(view),
        total=counted(total, "task"),
        failures=_failures(state, now),
        more_failures=max(0, len(state.failures) - MAX_FAILURES),
        tiers=_tiers(state, now),
        chips=_chips(state),
        notes=tuple(_notes(state, now)),
        columns=columns,
        tasks=tuple(_task(task, columns) for task in shown),
        more_tasks=grouped(more) if more else "",
    )


def _failures(state: AccountState, now: float) -> tuple[FailureLine, ...]:
    return tuple(
        FailureLine(
            shown_name(failure.where),
            _words(failure.reason),
            masked(failure.message),
            when(failure.since, now),
        )
        for failure in state.failures[:MAX_FAILURES]
    )


def _tiers(state: AccountState, now: float) -> tuple[TierLine, ...]:
    return tuple(
        TierLine(
            tier.value,
            None if fares.last_success is None else when(fares.last_success, now),
            span_words(fares.interval),
        )
        for tier in Tier
        if (fares := state.tiers.get(tier)) is not None
    )


def _chips(state: AccountState) -> tuple[Chip, ...]:
    return tuple(
        Chip(status.value, _words(status.value), grouped(count))
        for status in Status
        if (count := state.tasks.get(status, 0))
    )


def _notes(state: AccountState, now: float) -> Iterable[str]:
    """Sentences that are there only when there is something to say."""
    dropped = {reason: count for reason, count in state.dropped.items() if count}
    if dropped:
        reasons = ", ".join(f"{grouped(count)} {reason}" for reason, count in dropped.items())
        yield f"Dropped: {counted(sum(dropped.values()), 'task')} ({reasons})"
    if len(state.scopes_up) > 1 or not all(up for _, up in state.scopes_up):
        up = sum(up for _, up in state.scopes_up)
        yield f"Instances up: {up} of {len(state.scopes_up)}"
    if state.collectors_up:
        collectors = ", ".join(
            f"{name} {'up' if up else 'down'}" for name, up in state.collectors_up
        )
        yield f"Collectors: {collectors}"
    if state.details_outstanding:
        yield f"Details outstanding: {grouped(state.details_outstanding)}"
    if state.unclassified:
        yield f"In no status that is known: {counted(state.unclassified, 'task')}"
    if state.credential_expiry is not None:
        expiry = when(state.credential_expiry, now)
        yield f"Credentials expire: {expiry.relative} ({expiry.iso})"
    offset = state.clock_offset
    if offset is not None and abs(offset) >= _NOTABLE_OFFSET_SECONDS:
        side = "ahead of" if offset > 0 else "behind"
        yield f"The vendor's clock is {span_words(abs(offset))} {side} ours"


def _task(task: Task, columns: Sequence[str]) -> TaskLine:
    counts = (getattr(task.progress, name) for name in columns)
    return TaskLine(
        id=task.id,
        name=shown_name(task.name),
        status=task.status.value,
        status_words=_words(task.status.value),
        bar=_bar(task.progress),
        counts=tuple("" if count is None else grouped(count) for count in counts),
    )


def _bar(progress: Progress) -> Bar | None:
    """Give customers done of all; else what the vendor itself says of the progress, if anything."""
    done, customers = progress.completed, progress.customers
    if customers and done is not None:
        words = f"{grouped(done)} of {grouped(customers)}"
        return Bar(min(done, customers), customers, percent(done, customers), words)
    ratio = progress.reported_progress
    if ratio is not None:
        words = "reported" if customers is None else f"of {grouped(customers)}, reported"
        return Bar(min(ratio, 1.0), 1, percent(ratio, 1), words)
    if customers is not None:
        return Bar(0, 1, "", counted(customers, "customer"))
    return None


def shown_name(name: str) -> str:
    """A name as the labels show it."""
    name = masked(name)
    return name if len(name) <= MAX_LABEL_CHARACTERS else name[:MAX_LABEL_CHARACTERS] + "…"


def _words(value: str) -> str:
    return value.replace("_", " ")
