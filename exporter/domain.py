"""Vendor-neutral values: what a source yields, a poller keeps and a family renders.

All are frozen msgspec structs: made in C (a sweep makes one for each task it reads), compared in C
(an unchanged task is not rendered again). Times are seconds since the epoch as float, durations
seconds, ratios 0 to 1. None means that the vendor did not say: the sample is then absent, never 0.

What a task is made of holds no reference back and can be in no cycle, so the garbage collector need
not look at it (``gc=False``): a hundred thousand tasks would make each full collection a pause of
a second. What many tasks share keeps its hash (``cache_hash``), for it is what they are grouped by.
"""

from enum import StrEnum
from typing import Final

import msgspec


class Status(StrEnum):
    """State of a campaign, the label value ``status``."""

    DRAFT = "draft"
    INITIALIZING = "initializing"
    NOT_STARTED = "not_started"
    SCHEDULING = "scheduling"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Tier(StrEnum):
    """Statuses that are polled together, at one interval."""

    ACTIVE = "active"
    IDLE = "idle"
    FINISHED = "finished"


TIER_OF: Final = {
    Status.RUNNING: Tier.ACTIVE,
    Status.SCHEDULING: Tier.ACTIVE,
    Status.INITIALIZING: Tier.ACTIVE,
    Status.NOT_STARTED: Tier.IDLE,
    Status.PAUSED: Tier.IDLE,
    Status.DRAFT: Tier.IDLE,
    Status.FAILED: Tier.IDLE,
    Status.UNKNOWN: Tier.IDLE,
    Status.COMPLETED: Tier.FINISHED,
    Status.EXPIRED: Tier.FINISHED,
    Status.CANCELLED: Tier.FINISHED,
}


class Scope(msgspec.Struct, frozen=True, gc=False):
    """The part of an account that is read as one: an Alibaba instance, or the Dezhu account.

    ``id`` and ``name`` are empty where the vendor has no such part.
    """

    id: str = ""
    name: str = ""


class Window(msgspec.Struct, frozen=True, order=True, gc=False):
    """A daily calling window in seconds after local midnight, 0 to 86,400.

    An ``end`` at or before ``start`` lies on the next day: the window runs over midnight and
    belongs to the day on which it begins.
    """

    start: int
    end: int


class Schedule(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """When a campaign may call.

    ``start`` is inclusive, ``end`` exclusive (midnight after the last day where the vendor gives
    days). ``windows`` empty: the vendor named none. ``weekdays`` (0 is Sunday) and ``month_days``
    (1 to 31) restrict the days on which a window may begin; None: every day.
    ``zone`` is the IANA name of the zone in which the windows are local time.
    """

    zone: str
    start: float | None = None
    end: float | None = None
    windows: tuple[Window, ...] = ()
    weekdays: frozenset[int] | None = None
    month_days: frozenset[int] | None = None


class Redial(msgspec.Struct, frozen=True, gc=False):
    """Redial settings of one number batch; ``interval`` in seconds."""

    batch: str
    enabled: bool | None = None
    interval: float | None = None
    max_attempts: int | None = None


class Settings(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """How a campaign is set up to dial; seconds and ratios, counts where the name says so."""

    max_ringing: float | None = None
    after_call_work: float | None = None
    dialing_multiplier: float | None = None
    target_abandonment: float | None = None
    caller_display_strategy: bool | None = None
    redial: tuple[Redial, ...] = ()
    max_attempts_per_day: int | None = None
    min_attempt_interval: float | None = None
    recall_ignored: tuple[tuple[str, bool], ...] = ()
    repeatable: bool | None = None
    calling_numbers: int | None = None
    recall_calling_numbers: int | None = None
    min_concurrency: int | None = None


class Progress(msgspec.Struct, frozen=True, gc=False):
    """Counts of one campaign, as the vendor reports them and never derived."""

    customers: int | None = None
    completed: int | None = None
    connected: int | None = None
    executing: int | None = None
    failed: int | None = None
    scheduling: int | None = None
    paused: int | None = None
    cancelled: int | None = None
    calls: int | None = None
    reported_progress: float | None = None
    reported_connected: float | None = None


class Info(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Label values of ``outbound_task_info``; empty where the vendor has no such thing."""

    task_type: str = ""
    skill_group_id: str = ""
    skill_group_name: str = ""
    number_group_id: str = ""
    dialing_strategy: str = ""
    script_id: str = ""
    script_name: str = ""
    script_version: str = ""
    priority: str = ""


class Task(msgspec.Struct, frozen=True, gc=False):
    """One campaign as its vendor shows it now.

    ``schedule`` and ``settings`` are None where they come with a detail instead.
    ``aged_from`` is the moment from which the age limits of the configuration count, ``rank`` what
    makes one task newer than another (a higher one is newer). ``unknown`` names the fields whose
    value was dropped because it could not be read, for the counter of unknown values.
    """

    id: str
    name: str
    status: Status
    info: Info = Info()
    progress: Progress = Progress()
    schedule: Schedule | None = None
    settings: Settings | None = None
    agents: tuple[tuple[str, int], ...] = ()
    created: float | None = None
    modified: float | None = None
    aged_from: float | None = None
    rank: float = 0.0
    unknown: tuple[str, ...] = ()


class Concurrency(msgspec.Struct, frozen=True, gc=False):
    """Calls under way at the same time in a campaign, a scope or an account.

    ``current`` are under way, ``limit`` may be at most, ``remaining`` may come on top. ``unknown``
    names the fields whose value was dropped because it could not be read.
    """

    current: int | None = None
    limit: int | None = None
    remaining: int | None = None
    unknown: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """What is wrong with one part of an account now, in words for a person.

    ``where`` is a scope or a collector, such as ``finished``; ``since`` in epoch seconds.
    """

    where: str
    reason: str
    message: str
    since: float


class TierState(msgspec.Struct, frozen=True):
    """How one tier of an account fares, over all its scopes.

    ``interval`` in seconds is the one in force. ``last_success`` is the oldest of the scopes'
    latest successes in epoch seconds, ``duration`` the longest of their latest polls in seconds;
    None before the first. ``configured`` is the interval that is asked for, None if none is.
    """

    interval: float
    last_success: float | None = None
    duration: float | None = None
    configured: float | None = None


class AccountState(msgspec.Struct, frozen=True):
    """Everything that the account families and the page tell of one account.

    ``up`` is None before the first attempt. ``scopes_up`` holds only scopes that have been tried
    and have an id. ``clock_offset`` is the vendor's clock less ours in seconds;
    ``credential_expiry`` in epoch seconds, None for lasting credentials. ``unclassified`` None: not
    counted yet. ``concurrency`` None, and a scope that is not in ``scopes_concurrency``: not known.
    """

    up: bool | None
    tiers: dict[Tier, TierState]
    tasks: dict[Status, int]
    dropped: dict[str, int]
    scopes_up: tuple[tuple[Scope, bool], ...] = ()
    collectors_up: tuple[tuple[str, bool], ...] = ()
    failures: tuple[Failure, ...] = ()
    clock_offset: float | None = None
    credential_expiry: float | None = None
    details_outstanding: int | None = None
    unclassified: int | None = None
    scopes_concurrency: tuple[tuple[Scope, Concurrency], ...] = ()
    concurrency: Concurrency | None = None
