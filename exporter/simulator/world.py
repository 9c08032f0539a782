"""All campaigns of both vendors, and the time that moves them.

Time is cut into steps of at most ten seconds, shorter where something is due; a step touches
running campaigns only, so that 99,000 finished ones cost nothing.
"""

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from exporter.simulator.agenda import Agenda
from exporter.simulator.campaign import FINISHED, VALUE_NAMES, Campaign, Status, Vendor, values_of
from exporter.simulator.edits import Edit, apply_edit, suits
from exporter.simulator.hours import Moment
from exporter.simulator.life import Life
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.population import Place, Population
from exporter.simulator.shelf import Shelf
from exporter.simulator.truth import TruthLog, TruthRecord

MAX_STEP_SECONDS: Final = 10.0
MIN_CATCH_UP_SECONDS: Final = 0.5
"""Requests in quick succession do not each move the world."""


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Picks tasks; every field left out means any. ``name`` may hold ``*`` and ``?``."""

    name: str | None = None
    task_id: str | None = None
    vendor: Vendor | None = None
    account: str | None = None
    scope: str | None = None
    status: Status | None = None
    first: int | None = None
    """Only so many, the oldest of each scope first."""


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it is now. Times are epoch seconds."""

    vendor: Vendor
    account: str
    scope: str
    task_id: str
    name: str
    status: Status
    values: dict[str, int]
    start_at: float
    end_at: float
    dialling: bool
    """Calls are being made at this moment."""
    lines: int
    """Calls that may be made at the same time."""


class World:
    """The campaigns of a simulator.

    Args:
        options: Of the simulator; its clock says when the world begins.
        places: Where campaigns live, each account and instance.
    """

    def __init__(self, options: SimulatorOptions, places: Iterable[Place]) -> None:
        self._options = options
        self._now = options.clock()
        self._truth = TruthLog(options.truth_limit)
        self.agenda = Agenda()
        self.missed: list[str] = []
        """What scenario steps did not find; bounded by the scenario's length."""
        self._shelves: dict[Place, Shelf] = {}
        self._populations: dict[Place, Population] = {}
        self._life = Life(self, seed=options.seed, speed=options.speed)
        self._populate(list(places))

    @property
    def now(self) -> float:
        """Simulated time in epoch seconds."""
        return self._now

    @property
    def speed(self) -> float:
        """Of the dialling; dates and windows stay on the clock."""
        return self._options.speed

    def shelf(self, vendor: Vendor, account: str, scope: str = "") -> Shelf:
        """Return the tasks of one scope.

        Raises:
            KeyError: There is no such scope.
        """
        return self._shelves[Place(vendor, account, scope)]

    def places(self) -> tuple[Place, ...]:
        """Return every scope of every account."""
        return tuple(self._shelves)

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: Time cannot run backwards.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} seconds")
        self._advance_to(self._now + seconds)

    def catch_up(self) -> None:
        """Let time pass until the clock's time; a clock set back stops the world until then."""
        target = self._options.clock()
        if target - self._now >= MIN_CATCH_UP_SECONDS:
            self._advance_to(target)

    def tasks(self, selector: Selector | None = None) -> list[TaskView]:
        """Return the tasks that a selector picks, oldest first within each scope."""
        moment = Moment.at(self._now)
        return [self._view(row, moment) for row in self.select(selector or Selector())]

    def task(self, name: str, *, vendor: Vendor | None = None) -> TaskView:
        """Return the first task of a name (or pattern).

        Raises:
            LookupError: There is none.
        """
        found = self.tasks(Selector(name=name, vendor=vendor))
        if not found:
            raise LookupError(f"no task named {name!r}")
        return found[0]

    def select(self, selector: Selector) -> Iterator[Campaign]:
        """Give the campaigns that a selector picks; for the engine's own parts."""
        left = selector.first if selector.first is not None else -1
        for place, shelf in self._shelves.items():
            if not _place_fits(selector, place):
                continue
            for row in _rows(selector, shelf):
                if left == 0:
                    return
                left -= 1
                yield row

    def edit(self, selector: Selector | str, edit: Edit) -> int:
        """Change tasks at once and return how many; a text selects by name."""
        chosen = Selector(name=selector) if isinstance(selector, str) else selector
        rows = [row for row in self.select(chosen) if suits(edit, row)]
        for row in rows:
            apply_edit(self, row, edit)
        return len(rows)

    def create(
        self, vendor: Vendor, account: str, scope: str = "", *, name: str = "", customers: int = 0
    ) -> TaskView:
        """Make a new task that is about to start; name and size are drawn if not given.

        Raises:
            KeyError: There is no such scope.
        """
        return self._view(self.add_newcomer(Place(vendor, account, scope), name, customers))

    def truth(self, since: float = 0.0) -> list[TruthRecord]:
        """Return what was true when, from a time (epoch seconds) on, oldest first."""
        return list(self._truth.records(since))

    def truth_records(self, since: float = 0.0) -> Iterator[TruthRecord]:
        """Give the same one by one, for an answer too long to hold twice."""
        return self._truth.records(since)

    def add_newcomer(self, place: Place, name: str = "", customers: int = 0) -> Campaign:
        """Put a new campaign on a shelf."""
        campaign = self._populations[place].newcomer(self._now, name=name, customers=customers)
        self._shelves[place].add(campaign)
        self._life.adopt(campaign, newcomer=True)
        self.changed(campaign)
        return campaign

    def set_status(self, campaign: Campaign, status: Status) -> None:
        """Give a campaign another status and note it."""
        if status != campaign.status:
            self.shelf_of(campaign).move(campaign, status)
        campaign.in_flight = 0
        if status in FINISHED:
            campaign.draw = None
        self.changed(campaign)

    def remove(self, campaign: Campaign) -> None:
        """Take a campaign out of the world."""
        self.shelf_of(campaign).remove(campaign)
        self._truth.note(self._now, campaign, removed=True)

    def changed(self, campaign: Campaign) -> None:
        """Note that an operator or the calendar changed a campaign."""
        campaign.modified = self._now
        self._moved(campaign)

    def _moved(self, campaign: Campaign) -> None:
        """Note that figures moved, which is no modification in a vendor's sense."""
        campaign.rendered = None
        self._truth.note(self._now, campaign)

    def plan_end(self, campaign: Campaign) -> None:
        """Look at a campaign again when its (new) time is over."""
        self._life.plan_end(campaign)

    def shelf_of(self, campaign: Campaign) -> Shelf:
        """Return the shelf on which a campaign stands."""
        return self._shelves[Place(campaign.vendor, campaign.account, campaign.scope)]

    def holds(self, campaign: Campaign) -> bool:
        """Tell whether a campaign has not been removed."""
        return campaign.task_id in self.shelf_of(campaign).by_id

    def _populate(self, places: list[Place]) -> None:
        options = self._options
        for vendor in VALUE_NAMES:
            homes = [place for place in places if place.vendor == vendor]
            for number, place in enumerate(homes):
                even = options.tasks // len(homes) + (number < options.tasks % len(homes))
                count = options.tasks_of.get(place.account, even)
                people = Population(place, seed=options.seed, speed=options.speed, now=self._now)
                shelf = Shelf(place.scope)
                self._populations[place], self._shelves[place] = people, shelf
                share = options.finished_share
                for row in people.initial(count, now=self._now, finished_share=share):
                    shelf.add(row)
                    self._life.adopt(row, newcomer=False)
                    self._truth.note(self._now, row)
        if options.lively:
            self._life.begin(places, crowd=options.tasks)

    def _advance_to(self, target: float) -> None:
        self._run_due()
        while self._now < target:
            due = self.agenda.next_time()
            end = min(target, self._now + MAX_STEP_SECONDS)
            if due is not None:
                end = min(end, max(due, self._now))
            self._step(end)
            self._run_due()

    def _run_due(self) -> None:
        for _, action in self.agenda.due(self._now):
            action(self._now)

    def _step(self, end: float) -> None:
        # Campaigns look at the beginning of the step: a window that closes within it is seen
        # at the next one.
        moment, seconds = Moment.at(self._now), end - self._now
        self._now = end
        if not seconds:
            return
        speed, seed = self._options.speed, self._options.seed
        for shelf in self._shelves.values():
            for row in tuple(shelf.with_status("running")):
                moved = row.step(moment, seconds=seconds, speed=speed, seed=seed)
                if row.exhausted:
                    self.set_status(row, "completed")
                elif moved:
                    self._moved(row)

    def _view(self, row: Campaign, moment: Moment | None = None) -> TaskView:
        return TaskView(
            vendor=row.vendor,
            account=row.account,
            scope=row.scope,
            task_id=row.task_id,
            name=row.name,
            status=row.status,
            values=dict(zip(VALUE_NAMES[row.vendor], values_of(row), strict=True)),
            start_at=row.start_at,
            end_at=row.end_at,
            dialling=row.may_dial(moment or Moment.at(self._now)),
            lines=row.pace.lines,
        )


def _place_fits(selector: Selector, place: Place) -> bool:
    wanted = (selector.vendor, selector.account, selector.scope)
    here = (place.vendor, place.account, place.scope)
    return all(want is None or want == have for want, have in zip(wanted, here, strict=True))


def _rows(selector: Selector, shelf: Shelf) -> Iterator[Campaign]:
    if selector.task_id is not None:
        row = shelf.by_id.get(selector.task_id)
        rows: Iterable[Campaign] = () if row is None else (row,)
    elif selector.status is not None:
        rows = tuple(shelf.with_status(selector.status))
    else:
        rows = shelf
    for row in rows:
        named = selector.name is None or fnmatch.fnmatchcase(row.name, selector.name)
        if named and (selector.status is None or row.status == selector.status):
            yield row
