"""The well-known campaigns of every scope, and how each looks at the start.

The first places of a scope go to this cast, in its order; scenarios and tests call them by name.
``stuck-campaign``, ``will-miss-its-end`` and ``execution-error`` are the three that alerts are for.
"""

from dataclasses import dataclass
from typing import Final, Literal

from exporter.simulator.campaign import Status, Vendor

WindowShape = Literal["open", "all_day", "closed", "night", "none"]
Habit = Literal["none", "pauses", "grows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One part of the cast.

    Attributes:
        name: Its name in every scope.
        status: Its status at the start.
        progress: Share already dialled, 0 to 1.
        window: How its calling windows lie around now.
        habit: What its operators do with it as time goes on.
        starts_in: Seconds until it starts; negative for the past.
        minutes: How long it would dial from nothing to the end, at speed 1.
        stalled: It dials nobody although it could.
        hopeless: So slow that it cannot be done by its end, at any speed.
        manual: Agents dial it themselves (Dezhu only).
        vendors: Where it exists.
    """

    name: str
    status: Status = "running"
    progress: float = 0.3
    window: WindowShape = "open"
    habit: Habit = "none"
    starts_in: float = -86_400.0
    minutes: float = 90.0
    stalled: bool = False
    hopeless: bool = False
    manual: bool = False
    vendors: tuple[Vendor, ...] = ("dezhu", "aliyun")


_DEZHU: Final[tuple[Vendor, ...]] = ("dezhu",)
_ALIYUN: Final[tuple[Vendor, ...]] = ("aliyun",)

CAST: Final = (
    Role(name="steady-campaign", window="all_day", minutes=360),
    Role(name="stuck-campaign", progress=0.4, window="all_day", stalled=True),
    Role(name="will-miss-its-end", progress=0.15, window="all_day", hopeless=True),
    Role(name="execution-error", status="failed", progress=0.4, window="all_day"),
    Role(name="growing-list", progress=0.6, window="all_day", habit="grows", minutes=30),
    Role(name="on-and-off", progress=0.2, habit="pauses", minutes=180),
    Role(name="客户满意度调查-长期", progress=0.1, minutes=240),
    Role(name="closed-until-later", progress=0.5, window="closed"),
    Role(name="paused-by-operator", status="paused", progress=0.55),
    Role(
        name="not-yet-started", status="not_started", progress=0, starts_in=90_000, vendors=_DEZHU
    ),
    Role(
        name="scheduled-campaign", status="scheduling", progress=0, starts_in=1200, vendors=_ALIYUN
    ),
    Role(name="done-today", status="completed", progress=1, starts_in=-30_000),
    Role(name="夜班跟进-11", progress=0.25, window="night", minutes=240),
    Role(name="almost-done", progress=0.93, minutes=60),
    Role(
        name="ran-out-of-time", status="expired", progress=0.7, starts_in=-260_000, vendors=_DEZHU
    ),
    Role(name="manual-callbacks", progress=0.3, window="none", manual=True, vendors=_DEZHU),
    Role(name="draft-campaign", status="draft", progress=0, vendors=_ALIYUN),
    Role(name="list-import", status="initializing", progress=0, starts_in=1800, vendors=_ALIYUN),
    Role(name="cancelled-campaign", status="cancelled", progress=0.35, vendors=_ALIYUN),
)


def cast_of(vendor: Vendor) -> tuple[Role, ...]:
    """Return the roles of a vendor, in their order."""
    return tuple(role for role in CAST if vendor in role.vendors)
