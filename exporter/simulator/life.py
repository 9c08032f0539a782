"""What operators and calendars do to campaigns: starts, ends, pauses, longer lists, new ones.

Starts and ends follow dates, so they stay on the clock; everything else follows the dialling and
comes faster at a higher speed.
"""

import random
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from exporter.simulator.campaign import FINISHED, Campaign
from exporter.simulator.cast import CAST
from exporter.simulator.population import Place

if TYPE_CHECKING:
    from exporter.simulator.world import World

_HABITS: Final = {role.name: role.habit for role in CAST}
_WAITING_TO_START: Final = ("not_started", "scheduling", "initializing")
_DEZHU_MOST_CUSTOMERS: Final = 20_000


class Life:
    """Puts what will happen to campaigns on the world's agenda.

    Args:
        world: Whose campaigns they are.
        seed: Of the simulator.
        speed: Of the dialling.
    """

    def __init__(self, world: "World", *, seed: int, speed: float) -> None:
        self._world = world
        self._speed = speed
        self._draw = random.Random(f"{seed}/life")
        self._newcomers: deque[Campaign] = deque()
        self._most_newcomers = 0

    def adopt(self, campaign: Campaign, *, newcomer: bool) -> None:
        """Plan the start and the end of a campaign that is now in the world."""
        now, agenda = self._world.now, self._world.agenda
        if campaign.status in _WAITING_TO_START:
            if newcomer:
                wait = self._draw.uniform(20, 90) / self._speed
                agenda.add(now + wait, partial(self._prepare, campaign))
            else:
                agenda.add(max(now, campaign.start_at), partial(self._prepare, campaign))
        if campaign.status not in FINISHED:
            self.plan_end(campaign)

    def plan_end(self, campaign: Campaign) -> None:
        """Look at a campaign again when its time is over."""
        self._world.agenda.add(campaign.end_at, partial(self._end, campaign))

    def begin(self, places: Iterable[Place], *, crowd: int) -> None:
        """Let the habits begin, and new campaigns come to every place.

        Args:
            places: Where new campaigns appear.
            crowd: The number of new ones never exceeds half of this; the oldest finished go.
        """
        world = self._world
        self._most_newcomers = max(8, crowd // 2)
        for place in places:
            shelf = world.shelf(place.vendor, place.account, place.scope)
            for row in shelf:
                habit = _HABITS.get(row.name, "none")
                if habit == "pauses":
                    self._after(self._draw.uniform(120, 300), partial(self._toggle, row))
                elif habit == "grows":
                    self._after(self._draw.uniform(60, 180), partial(self._grow, row))
            if len(shelf):
                self._after(self._draw.uniform(30, 300), partial(self._newcomer, place))

    def _after(self, seconds: float, action: partial[None]) -> None:
        self._world.agenda.add(self._world.now + max(1.0, seconds / self._speed), action)

    def _prepare(self, campaign: Campaign, _time: float) -> None:
        world = self._world
        if not world.holds(campaign) or campaign.status not in _WAITING_TO_START:
            return
        if campaign.status == "initializing":
            world.set_status(campaign, "scheduling")
            self._after(self._draw.uniform(20, 60), partial(self._prepare, campaign))
        else:
            world.set_status(campaign, "running")

    def _end(self, campaign: Campaign, _time: float) -> None:
        world = self._world
        early = world.now < campaign.end_at
        if early or campaign.status in FINISHED or not world.holds(campaign):
            return
        if campaign.status in ("failed", "draft", "unknown"):
            return
        if campaign.vendor == "dezhu":
            world.set_status(campaign, "expired")
        else:
            # Jobs that are out of time count as failed, and the group as completed.
            campaign.close()
            world.set_status(campaign, "completed")

    def _toggle(self, campaign: Campaign, _time: float) -> None:
        world = self._world
        if not world.holds(campaign):
            return
        if campaign.status == "running":
            world.set_status(campaign, "paused")
        elif campaign.status == "paused":
            world.set_status(campaign, "running")
        self._after(self._draw.uniform(120, 300), partial(self._toggle, campaign))

    def _grow(self, campaign: Campaign, _time: float) -> None:
        world = self._world
        customers = self._draw.randint(60, 200)
        alive = world.holds(campaign) and world.now < campaign.end_at
        if not alive or campaign.total + customers > _DEZHU_MOST_CUSTOMERS:
            return
        if campaign.status in ("running", "completed"):
            campaign.append(customers)
            world.set_status(campaign, "running")
        self._after(self._draw.uniform(300, 900), partial(self._grow, campaign))

    def _newcomer(self, place: Place, _time: float) -> None:
        world = self._world
        self._newcomers.append(world.add_newcomer(place))
        if len(self._newcomers) > self._most_newcomers:
            for row in tuple(self._newcomers):
                if row.status in FINISHED or not world.holds(row):
                    self._newcomers.remove(row)
                    if world.holds(row):
                        world.remove(row)
                    break
        self._after(self._draw.uniform(300, 600), partial(self._newcomer, place))
