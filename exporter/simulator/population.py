"""Makes campaigns: the cast, the crowd around it, and new ones as time goes on."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.campaign import Campaign, Pace, Status, Vendor, spread_customers
from exporter.simulator.cast import Role, WindowShape, cast_of
from exporter.simulator.hours import DAY, SHANGHAI_OFFSET, Moment, Window
from exporter.simulator.names import Draw, Names

PROFILES: Final = 48
"""How many different vendor settings there are; rows pick one of them."""

_HOUR: Final = 3600
_IDLE: Final[dict[Vendor, tuple[Status, ...]]] = {
    "dezhu": ("paused", "not_started", "failed", "paused"),
    "aliyun": ("paused", "draft", "failed", "paused"),
}
_FINISHED: Final[dict[Vendor, tuple[Status, ...]]] = {
    "dezhu": ("completed", "completed", "completed", "expired"),
    "aliyun": ("completed", "completed", "completed", "cancelled"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a campaign lives; ``scope`` is an Alibaba instance or empty."""

    vendor: Vendor
    account: str
    scope: str


def local_midnight(time: float) -> float:
    """Return the last midnight in Asia/Shanghai, both in epoch seconds."""
    return (time + SHANGHAI_OFFSET) // DAY * DAY - SHANGHAI_OFFSET


def windows_around(time: float, shape: WindowShape, draw: Draw) -> tuple[Window, ...]:
    """Lay daily windows around an instant (epoch seconds), so that any hour shows some open."""
    if shape == "none":
        return ()
    if shape == "all_day":
        return (Window(0, DAY - 1),)
    if shape == "night":
        return (Window(21 * _HOUR, 6 * _HOUR),)
    second = int(time + SHANGHAI_OFFSET) % DAY
    if shape == "closed":
        return _split(second + 3 * _HOUR, second + 5 * _HOUR)
    before, after = draw.between(2, 4) * _HOUR, draw.between(6, 9) * _HOUR
    return _split(second - before, second + after)


def _split(begin: int, end: int) -> tuple[Window, ...]:
    """Cut a window at midnight; whole minutes, as operators set them."""
    begin, end = (begin // 60 * 60) % DAY, (end // 60 * 60) % DAY
    if begin < end:
        return (Window(begin, end),)
    parts = (Window(0, end), Window(begin, DAY - 1))
    return tuple(part for part in parts if part.begin < part.end)


class Population:
    """Draws the campaigns of one scope, the same ones for the same seed.

    Args:
        place: Where they live.
        seed: Of the simulator.
        speed: Of the dialling; campaigns that must miss their end stay slow at any speed.
        now: When the world begins, epoch seconds.
    """

    def __init__(self, place: Place, *, seed: int, speed: float, now: float) -> None:
        self._place = place
        self._weekday = Moment.at(now).weekday
        self._speed = speed
        self._draw = Draw(f"{seed}/{place.vendor}/{place.account}/{place.scope}")
        self._names = Names(self._draw)
        self._serial = 1000 if place.vendor == "dezhu" else 0

    def initial(self, count: int, *, now: float, finished_share: float) -> Iterator[Campaign]:
        """Give the first campaigns, oldest first: the cast, then a crowd around it."""
        cast = cast_of(self._place.vendor)[:count]
        crowd = count - len(cast)
        done = sum(role.status in ("completed", "expired", "cancelled") for role in cast)
        finished = min(crowd, max(0, round(count * finished_share) - done))
        made = [self._played(role, now) for role in cast]
        made += [self._finished(now) for _ in range(finished)]
        made += [self._unfinished(now) for _ in range(crowd - finished)]
        made.sort(key=lambda campaign: campaign.created)
        for campaign in made:
            self._number(campaign)
            yield campaign

    def newcomer(self, now: float, *, name: str = "", customers: int = 0) -> Campaign:
        """Return a new campaign that is about to start; a name and size are drawn if not given."""
        total = customers or self._draw.between(150, 600)
        campaign = self._campaign(
            name=name or self._names.next(),
            status="not_started" if self._place.vendor == "dezhu" else "initializing",
            pace=self._pace(total, minutes=self._draw.uniform(8, 25)),
            created=now,
            start_at=now,
            days=self._draw.between(1, 5),
            windows=windows_around(now, "open", self._draw),
        )
        spread_customers(campaign, total=total, progress=0)
        self._number(campaign)
        return campaign

    def _number(self, campaign: Campaign) -> None:
        self._serial += 1
        campaign.serial = self._serial
        if self._place.vendor == "dezhu":
            campaign.task_id = str(self._serial)
        else:
            campaign.task_id = str(uuid.UUID(int=self._draw.getrandbits(128), version=4))

    def _played(self, role: Role, now: float) -> Campaign:
        total = 8000 if role.hopeless else self._draw.between(400, 2400)
        if role.window == "all_day" and role.minutes >= 300:
            total *= 3
        pace = self._pace(total, minutes=role.minutes)
        if role.hopeless:
            pace = Pace(0.02 / self._speed, 0.5, 0.2, 1, 1, 600.0)
        start_at = now + role.starts_in
        campaign = self._campaign(
            name=role.name,
            status=role.status,
            pace=pace,
            created=min(now, start_at) - 7200,
            start_at=start_at,
            days=1,
            windows=() if role.manual else windows_around(now, role.window, self._draw),
        )
        if role.hopeless or role.status == "expired":
            # The last day is today, unless today is nearly over.
            edge = local_midnight(now) + DAY
            soon = edge - now < 2 * _HOUR
            campaign.end_at = edge - 2 * DAY if role.status == "expired" else edge + soon * DAY
        elif role.starts_in < 0:
            campaign.end_at = local_midnight(now) + self._draw.between(4, 10) * DAY
        campaign.stalled = role.stalled
        campaign.manual = role.manual
        spread_customers(campaign, total=total, progress=role.progress)
        campaign.modified = min(now, max(campaign.created, now - 3600))
        return campaign

    def _finished(self, now: float) -> Campaign:
        draw = self._draw
        recent = draw.random() < 0.4
        age = draw.uniform(0.2, 6.0) if recent else draw.uniform(6.0, 300.0)
        ended = now - age * DAY
        status = draw.pick(_FINISHED[self._place.vendor])
        total = draw.between(50, 3000)
        days = draw.between(1, 6)
        campaign = self._campaign(
            name=self._names.next(),
            status=status,
            pace=self._pace(total, minutes=120),
            created=ended - days * DAY - 3600,
            start_at=ended - days * DAY,
            days=days,
            windows=windows_around(now, "open", draw),
        )
        progress = 1.0 if status == "completed" else draw.uniform(0.1, 0.9)
        spread_customers(campaign, total=total, progress=progress)
        campaign.modified = ended
        return campaign

    def _unfinished(self, now: float) -> Campaign:
        draw = self._draw
        idle = draw.random() < 0.3
        status = draw.pick(_IDLE[self._place.vendor]) if idle else "running"
        fresh = status in ("not_started", "draft")
        total = draw.between(300, 3000)
        age = draw.uniform(0.1, 5.0) * DAY
        campaign = self._campaign(
            name=self._names.next(),
            status=status,
            pace=self._pace(total, minutes=draw.uniform(40, 300)),
            created=now - age - 3600,
            start_at=now + DAY if fresh else now - age,
            days=draw.between(7, 20),
            windows=windows_around(now, "closed" if draw.random() < 0.15 else "open", draw),
        )
        progress = 0.0 if fresh else draw.uniform(0.05, 0.9)
        spread_customers(campaign, total=total, progress=progress)
        campaign.modified = now - draw.uniform(60, age)
        return campaign

    def _pace(self, total: int, *, minutes: float) -> Pace:
        draw = self._draw
        rate = total / (minutes * 60)
        return Pace(
            rate=rate,
            reach=draw.uniform(0.35, 0.65),
            give_up=draw.uniform(0.2, 0.5),
            lines=max(1, min(60, round(rate * 30))),
            rounds=draw.pick((0, 1, 1, 2)),
            redial_wait=draw.pick((300.0, 600.0, 1200.0)),
        )

    def _campaign(
        self,
        *,
        name: str,
        status: Status,
        pace: Pace,
        created: float,
        start_at: float,
        days: int,
        windows: tuple[Window, ...],
    ) -> Campaign:
        """Return a campaign without customers; it ends at the midnight after its last day."""
        first_day = local_midnight(start_at)
        # Dezhu knows days only.
        begin = first_day if self._place.vendor == "dezhu" else start_at
        return Campaign(
            vendor=self._place.vendor,
            account=self._place.account,
            scope=self._place.scope,
            name=name,
            status=status,
            pace=pace,
            profile=self._draw.between(0, PROFILES - 1),
            created=created,
            modified=created,
            start_at=begin,
            end_at=first_day + (days + 1) * DAY,
            windows=windows,
            weekdays=self._weekdays(),
        )

    def _weekdays(self) -> frozenset[int] | None:
        """Return the weekdays on which calls are made; None for all of them, as always at Dezhu.

        One day is left out, never yesterday, today or tomorrow: windows stay open around now.
        """
        if self._place.vendor == "dezhu" or self._draw.random() < 0.7:
            return None
        return frozenset(range(7)) - {(self._weekday + self._draw.between(2, 5)) % 7}
