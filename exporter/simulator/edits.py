"""Direct changes of a task, by a test, a scenario or the control port."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from exporter.simulator.campaign import FINISHED, STATUSES, Campaign, Status
from exporter.simulator.cast import WindowShape
from exporter.simulator.names import Draw
from exporter.simulator.population import local_midnight, windows_around

if TYPE_CHECKING:
    from exporter.simulator.world import World

Action = Literal[
    "pause",
    "resume",
    "start",
    "fail",
    "complete",
    "expire",
    "cancel",
    "stall",
    "release",
    "append",
    "collapse_connections",
    "restore_connections",
    "call_outside_window",
    "respect_window",
    "close_window",
    "open_window",
    "set_pace",
    "set_status",
    "set_end",
    "rename",
    "remove",
]


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change.

    Attributes:
        do: What is done. ``pause``, ``resume``, ``start``, ``fail``, ``complete``, ``expire`` and
            ``cancel`` set the status; ``expire`` leaves Alibaba's tasks alone and ``cancel``
            Dezhu's, which have no such status. ``stall`` stops the dialling of a running task,
            ``release`` lets it go on. ``close_window`` lays the calling windows some hours ahead,
            ``open_window`` over the whole day.
        customers: ``append``: how many, at least 1.
        share: ``collapse_connections``: what is left of the usual share of calls that reach
            somebody, 0 to 1; 0.05 unless told.
        status: ``set_status``: one of the exporter's words; one that the vendor does not have
            becomes ``unknown``, which shows as 99 or ``Sleeping``.
        seconds: ``set_end``: from now; Dezhu rounds up to the end of that day. A start that would
            come after it moves to the day before it.
        name: ``rename``: the new name.
        rate: ``set_pace``: calls ended a second, whatever the simulator's speed.
        lines: ``set_pace``: calls at the same time.
        rounds: ``set_pace``: redial rounds after the first; without any, a call that reaches
            nobody is the customer's last. Of these three at least one.
    """

    do: Action
    customers: int | None = None
    share: float = 0.05
    status: Status | None = None
    seconds: float | None = None
    name: str | None = None
    rate: float | None = None
    lines: int | None = None
    rounds: int | None = None

    def __post_init__(self) -> None:
        """Refuse an edit that lacks what it needs.

        Raises:
            ValueError: It does; msgspec makes it a ``ValidationError`` when decoding.
        """
        if self.do not in _EDITS:
            raise ValueError(f"unknown action {self.do!r}; known: {', '.join(_EDITS)}")
        if self.do == "append" and (self.customers or 0) < 1:
            raise ValueError("append needs customers of at least 1")
        needed = {"set_status": self.status, "set_end": self.seconds, "rename": self.name}
        if self.do in needed and needed[self.do] is None:
            words = {"set_status": "status", "set_end": "seconds", "rename": "name"}
            raise ValueError(f"{self.do} needs {words[self.do]}")
        if self.do == "set_pace" and not self.pace():
            raise ValueError("set_pace needs rate, lines or rounds")
        if min(self.pace().values(), default=0) < 0:
            raise ValueError("rate, lines and rounds must not be negative")

    def pace(self) -> dict[str, float]:
        """What of a campaign's pace is told."""
        told = {"rate": self.rate, "lines": self.lines, "rounds": self.rounds}
        return {name: value for name, value in told.items() if value is not None}


def suits(edit: Edit, campaign: Campaign) -> bool:
    """Tell whether a campaign's vendor has what the edit makes of it."""
    status: dict[str, Status] = {"expire": "expired", "cancel": "cancelled"}
    return edit.do not in status or status[edit.do] in STATUSES[campaign.vendor]


def apply_edit(world: "World", campaign: Campaign, edit: Edit) -> None:
    """Change one campaign at once."""
    _EDITS[edit.do](world, campaign, edit)


def _to(status: Status) -> "Callable[[World, Campaign, Edit], None]":
    def set_it(world: "World", campaign: Campaign, _edit: Edit) -> None:
        world.set_status(campaign, status)

    return set_it


def _complete(world: "World", campaign: Campaign, _edit: Edit) -> None:
    campaign.close()
    world.set_status(campaign, "completed")


def _append(world: "World", campaign: Campaign, edit: Edit) -> None:
    campaign.append(edit.customers or 0)
    # A finished task with its end ahead runs again when its list grows.
    again = campaign.status in FINISHED and world.now < campaign.end_at
    world.set_status(campaign, "running" if again else campaign.status)


def _stall(world: "World", campaign: Campaign, edit: Edit) -> None:
    campaign.stalled = edit.do == "stall"
    if campaign.stalled:
        campaign.in_flight = 0
    world.changed(campaign)


def _connections(_world: "World", campaign: Campaign, edit: Edit) -> None:
    campaign.reach_factor = edit.share if edit.do == "collapse_connections" else 1.0


def _any_hour(_world: "World", campaign: Campaign, edit: Edit) -> None:
    campaign.any_hour = edit.do == "call_outside_window"


def _windows(world: "World", campaign: Campaign, edit: Edit) -> None:
    shape: WindowShape = "closed" if edit.do == "close_window" else "all_day"
    campaign.windows = windows_around(world.now, shape, Draw())
    world.changed(campaign)


def _set_pace(world: "World", campaign: Campaign, edit: Edit) -> None:
    told: dict[str, Any] = edit.pace()
    if edit.rate is not None:
        told["rate"] = edit.rate / world.speed
    campaign.pace = replace(campaign.pace, **told)


def _set_status(world: "World", campaign: Campaign, edit: Edit) -> None:
    if edit.status is not None:
        known = edit.status in STATUSES[campaign.vendor]
        world.set_status(campaign, edit.status if known else "unknown")


def _set_end(world: "World", campaign: Campaign, edit: Edit) -> None:
    end_at = world.now + (edit.seconds or 0.0)
    if campaign.vendor == "dezhu":
        midnight = local_midnight(end_at)
        end_at = midnight if midnight == end_at else midnight + 86_400
    campaign.end_at = end_at
    if campaign.start_at >= end_at:
        campaign.start_at = end_at - 86_400
    world.plan_end(campaign)
    world.changed(campaign)


def _rename(world: "World", campaign: Campaign, edit: Edit) -> None:
    campaign.name = edit.name or campaign.name
    world.shelf_of(campaign).renamed()
    world.changed(campaign)


def _remove(world: "World", campaign: Campaign, _edit: Edit) -> None:
    world.remove(campaign)


_EDITS: Final[dict[str, "Callable[[World, Campaign, Edit], None]"]] = {
    "pause": _to("paused"),
    "resume": _to("running"),
    "start": _to("running"),
    "fail": _to("failed"),
    "complete": _complete,
    "expire": _to("expired"),
    "cancel": _to("cancelled"),
    "stall": _stall,
    "release": _stall,
    "append": _append,
    "collapse_connections": _connections,
    "restore_connections": _connections,
    "call_outside_window": _any_hour,
    "respect_window": _any_hour,
    "close_window": _windows,
    "open_window": _windows,
    "set_pace": _set_pace,
    "set_status": _set_status,
    "set_end": _set_end,
    "rename": _rename,
    "remove": _remove,
}
