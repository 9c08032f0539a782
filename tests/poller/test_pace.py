"""Intervals stretch where the budget does not hold them, and come back."""

import contextlib
import math

import pytest

from benchmarks.simulated import Gate
from exporter.budget import sustained_rate
from exporter.config.model import Budget, Common, Refresh
from exporter.domain import Scope, Status, Tier
from exporter.errors import PollError, Reason
from exporter.limiter import Limiter
from exporter.poller.pace import Pace
from exporter.source import Abilities
from tests.poller.making import ACTIVE, FINISHED, IDLE, STALE_AFTER, Clock, Rig, Vendor, task

SCOPE = Scope()
INTERVALS = Refresh().tiers
HOLD = 601.0


class Account:
    """A pace whose budget a test sets."""

    def __init__(self, *, sustained=math.inf, **abilities):
        self.sustained = sustained
        self.now = 0.0
        common = Common(name="acme", platform="memory")
        filters = Abilities(statuses=frozenset(Status), page_size=100, **abilities)
        self.pace = Pace(common, filters, sustained=lambda: self.sustained)

    def read(self, tier, calls, *, scope=SCOPE, seconds=0.0):
        self.pace.read(tier, scope, calls=calls, seconds=seconds)

    def planned(self, tier):
        return self.pace.planned(tier, now=self.now)

    def later(self, tier):
        """What is planned once a change for the shorter has lasted."""
        self.planned(tier)
        self.now += HOLD
        return self.planned(tier)


def test_intervals_are_as_configured_while_the_budget_holds_them():
    account = Account(sustained=1.0)
    for tier in Tier:
        account.read(tier, 10)
    assert {tier: account.planned(tier) for tier in Tier} == INTERVALS


def test_intervals_stretch_as_soon_as_a_reading_knows_how_long_it_is():
    account = Account(sustained=1.0)
    account.pace.expect(Tier.FINISHED, SCOPE, 36_000, now=0.0)
    assert account.pace.interval(Tier.FINISHED) == pytest.approx(36_000 / 0.9)
    assert account.pace.interval(Tier.ACTIVE) == ACTIVE


def test_small_changes_move_nothing():
    account = Account(sustained=1.0)
    account.read(Tier.FINISHED, 7200)
    before = account.planned(Tier.FINISHED)
    account.now += HOLD
    for calls in (7400, 7000, 6900):
        account.read(Tier.FINISHED, calls)
        assert account.planned(Tier.FINISHED) == before


def test_a_budget_that_goes_up_and_down_takes_no_interval_along():
    account, seen = Account(sustained=1.0), set()
    account.read(Tier.FINISHED, 7200)
    for minute in range(120):
        account.sustained = 0.5 if minute % 5 == 0 else 1.0
        account.now += 60.0
        seen.add(round(account.planned(Tier.FINISHED)))
    assert seen == {16_000}


def test_a_shorter_interval_is_in_force_once_its_scope_was_read_again():
    account = Account(sustained=1.0)
    account.read(Tier.FINISHED, 7200)
    account.pace.scheduled(Tier.FINISHED, SCOPE, account.planned(Tier.FINISHED))
    account.sustained = 1e6
    assert account.planned(Tier.FINISHED) == 8000
    assert account.later(Tier.FINISHED) == FINISHED
    assert account.pace.interval(Tier.FINISHED) == 8000
    account.pace.scheduled(Tier.FINISHED, SCOPE, account.planned(Tier.FINISHED))
    assert account.pace.interval(Tier.FINISHED) == FINISHED


def test_a_longer_interval_is_in_force_at_once():
    account = Account(sustained=1.0)
    account.read(Tier.FINISHED, 3000)
    account.pace.scheduled(Tier.FINISHED, SCOPE, account.planned(Tier.FINISHED))
    account.sustained = 0.1
    account.planned(Tier.ACTIVE)
    assert account.pace.interval(Tier.FINISHED) > 9 * FINISHED


def test_a_list_that_was_read_twice_counts_at_once_and_is_forgotten_by_and_by():
    account = Account(sustained=1.0)
    account.read(Tier.FINISHED, 4000)
    account.read(Tier.FINISHED, 8000)
    assert account.planned(Tier.FINISHED) == pytest.approx(8000 / 0.9)
    account.read(Tier.FINISHED, 4000)
    assert account.later(Tier.FINISHED) == pytest.approx(6000 / 0.9)


def test_scopes_add_up_and_one_that_is_gone_counts_no_more():
    account, other = Account(sustained=1.0), Scope("other")
    account.read(Tier.FINISHED, 3600)
    account.read(Tier.FINISHED, 3600, scope=other)
    account.pace.scheduled(Tier.FINISHED, other, 1e6)
    assert account.planned(Tier.FINISHED) == 8000
    account.pace.forget(other)
    assert account.later(Tier.FINISHED) == pytest.approx(4000)
    assert account.pace.interval(Tier.FINISHED) == pytest.approx(4000)


def test_finding_out_which_scopes_there_are_is_planned_with():
    account = Account(sustained=0.01, discovers=True)
    for number in range(1000):
        for tier in Tier:
            account.read(tier, 0, scope=Scope(str(number)))
    assert account.planned(Tier.IDLE) == pytest.approx(10 / 0.009)


def test_the_log_says_once_when_stretching_begins_doubles_and_ends(logged):
    account = Account(sustained=1.0)
    for calls in (7200, 7300, 8000, 15_000, 15_000, 10_000, 3000, 300, 30, 30, 30, 30, 30):
        account.read(Tier.FINISHED, calls)
        account.later(Tier.FINISHED)
    told = [(line["log_level"], line["event"], line["finished"]) for line in logged]
    assert told == [
        ("warning", "refresh stretched", "2h13m20s"),
        ("warning", "refresh stretched", "4h37m47s"),
        ("warning", "refresh stretched", "1h14m32s"),
        ("info", "refresh as configured again", "1h"),
    ]
    assert logged[0]["account"] == "acme"
    assert logged[0]["wanted_per_hour"] == 7200
    assert logged[0]["planned_per_hour"] == 3240


@pytest.mark.parametrize(
    ("budget", "throttled", "advice"),
    [
        (Budget(requests_per_hour=1000), False, "raise budget.requests_per_hour or"),
        (Budget(requests_per_second=0.1), False, "raise budget.requests_per_second or"),
        (Budget(), True, "the vendor throttles: lengthen refresh"),
    ],
)
def test_the_log_says_what_to_do(logged, budget, throttled, advice):
    sustained = sustained_rate(budget) / (4 if throttled else 1)
    pace = Pace(
        Common(name="acme", platform="memory", budget=budget),
        Abilities(statuses=frozenset(Status), page_size=100),
        sustained=lambda: sustained,
    )
    pace.expect(Tier.FINISHED, SCOPE, 100_000, now=0.0)
    assert logged[0]["advice"].startswith(advice)


# The poller


class Metered(Vendor):
    """A vendor whose every call waits for the budget of its account."""

    def __init__(self, *rows, budget, **abilities):
        super().__init__(*rows, clock=Clock(), **abilities)
        self.limiter = Limiter(budget, self.clock)

    async def page(self, query, number, *, priority):
        return await self._metered(super().page(query, number), priority)

    async def find(self, scope, task, *, priority):
        return await self._metered(super().find(scope, task), priority)

    async def _metered(self, answer, priority):
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(answer.close)
            sent_at = await stack.enter_async_context(self.limiter.slot(priority))
            try:
                return await answer
            except PollError as error:
                self.limiter.throttled(error.retry_after, sent_at=sent_at)
                raise


class Transport:
    """What the poller sees of the budget."""

    clock_offset = None

    def __init__(self, limiter):
        self._limiter = limiter

    @property
    def sustained_rate(self):
        return self._limiter.sustained()


def metered(*rows, budget, **common):
    vendor = Metered(*rows, budget=budget, page_size=1, statuses_per_query=None)
    return Rig(vendor, transport=Transport(vendor.limiter), budget=budget, **common)


def interval(rig, tier):
    name = "outbound_account_refresh_interval_seconds"
    return rig.shelf.value(name, tier=tier.value)


OFTEN = {"active": 30.0, "idle": 60.0, "finished": 90.0}
FINISHED_ROWS = [task(f"f{number}", Status.COMPLETED) for number in range(60)]


async def test_the_poller_stretches_what_the_budget_does_not_hold_and_says_so(logged):
    budget = Budget(requests_per_hour=110, requests_per_second=5, burst=10)
    async with metered(task("a"), *FINISHED_ROWS, budget=budget) as rig:
        await rig.forward(8 * FINISHED)
        assert interval(rig, Tier.ACTIVE) == ACTIVE
        assert interval(rig, Tier.FINISHED) > 2 * FINISHED
        name = "outbound_account_configured_refresh_interval_seconds"
        assert rig.shelf.value(name, tier="finished") == FINISHED
        assert len(rig.shelf.exposed()) == 61
        active = [
            about for about in rig.vendor.asked("page") if Status.RUNNING in about[0].statuses
        ]
        assert len(active) == pytest.approx(8 * 60, rel=0.02)
        assert [line["event"] for line in logged].count("refresh stretched") == 1
        lifetimes = rig.context.lifetimes()
        assert lifetimes[Tier.FINISHED] >= interval(rig, Tier.FINISHED) + STALE_AFTER


async def test_intervals_come_back_when_the_budget_holds_them_again(logged):
    budget = Budget(requests_per_hour=110, requests_per_second=5, burst=10)
    async with metered(task("a"), *FINISHED_ROWS, budget=budget) as rig:
        await rig.forward(5 * FINISHED)
        assert interval(rig, Tier.FINISHED) > 2 * FINISHED
        for row in FINISHED_ROWS[:58]:
            rig.vendor.remove(row.id)
        await rig.forward(40 * FINISHED)
        assert {tier: interval(rig, tier) for tier in Tier} == INTERVALS
        assert [line["event"] for line in logged][-1] == "refresh as configured again"


async def test_a_tier_that_sleeps_long_is_read_soon_once_the_vendor_throttles_no_more():
    budget = Budget(requests_per_hour=10_000, requests_per_second=1, burst=10)
    async with metered(task("a"), *FINISHED_ROWS, budget=budget) as rig:
        await rig.forward(60)
        for _ in range(10):
            now = rig.clock.monotonic()
            rig.vendor.limiter.throttled(1.0, sent_at=now)
            await rig.forward(2)
        await rig.forward(ACTIVE)
        assert interval(rig, Tier.FINISHED) > 1.5 * FINISHED
        exposed = set()
        for _ in range(60):
            await rig.forward(5 * ACTIVE)
            exposed.add(len(rig.shelf.exposed()))
        assert exposed == {61}
        assert {tier: interval(rig, tier) for tier in Tier} == INTERVALS


async def test_a_vendor_that_throttles_is_read_whole_and_hardly_ever_refuses():
    budget = Budget(requests_per_second=5, requests_per_hour=100_000)
    refused = []
    async with metered(task("a"), *FINISHED_ROWS, budget=budget, refresh=OFTEN) as rig:
        gate = Gate(rig.clock, rate=1.0, window=1.0, sliding=False)

        def fault(operation, _):
            passes = operation == "scopes" or gate.passes()
            refused.append(not passes)
            return None if passes else PollError(Reason.RATE_LIMITED, "")

        rig.vendor.fault = fault
        await rig.forward(300)
        refused.clear()
        await rig.forward(FINISHED)
        assert sum(refused) < len(refused) / 100
        assert len(rig.shelf.exposed()) == 61
        assert rig.state.up is True
        assert rig.clock.now() - rig.state.tiers[Tier.FINISHED].last_success < 600


async def test_what_a_long_reading_showed_first_is_there_until_the_next_one_is_complete():
    budget = Budget(requests_per_hour=110, requests_per_second=5, burst=10)
    async with metered(task("a"), *FINISHED_ROWS, budget=budget) as rig:
        await rig.forward(2 * FINISHED)
        assert rig.state.tiers[Tier.FINISHED].duration > STALE_AFTER
        for _ in range(600):
            await rig.forward(ACTIVE)
            assert len(rig.shelf.exposed()) == 61


async def test_active_that_wants_more_than_there_is_leaves_the_others_something():
    budget = Budget(requests_per_hour=1000, requests_per_second=5, burst=10)
    rows = [task(f"a{number}") for number in range(60)]
    async with metered(*rows, task("p", Status.PAUSED), *FINISHED_ROWS, budget=budget) as rig:
        await rig.forward(12 * FINISHED)
        assert interval(rig, Tier.ACTIVE) > 3 * ACTIVE
        finished = rig.state.tiers[Tier.FINISHED].last_success
        idle = rig.state.tiers[Tier.IDLE].last_success
        assert rig.clock.now() - finished < 2 * FINISHED
        assert rig.clock.now() - idle < 6 * IDLE
        assert len(rig.shelf.exposed()) == 121


async def test_details_that_take_all_that_is_left_hold_up_no_progress():
    budget = Budget(requests_per_hour=3600, requests_per_second=2, burst=10)
    rows = [task(f"a{number}") for number in range(100)]
    rows += [task(f"f{number}", Status.COMPLETED) for number in range(1500)]
    ended = {}
    for details in (False, True):
        vendor = Metered(
            *rows, budget=budget, page_size=20, statuses_per_query=None, details=details
        )
        async with Rig(vendor, transport=Transport(vendor.limiter), budget=budget) as rig:
            await rig.forward(2 * ACTIVE)
            ended[details] = []
            for _ in range(8):
                await rig.forward(ACTIVE)
                ended[details].append(rig.state.tiers[Tier.ACTIVE].last_success - rig.clock.now())
            outstanding = rig.state.details_outstanding
    assert vendor.count("find") > 500
    assert 0 < outstanding < 1100
    # Five pages, and none of them has waited for a detail.
    assert ended[True] == pytest.approx(ended[False], abs=0.01)


async def test_details_trickle_through_a_budget_that_is_full(logged):
    budget = Budget(requests_per_hour=200, requests_per_second=5, burst=10)
    rows = [task("a"), *(task(f"f{number}", Status.COMPLETED) for number in range(200))]
    vendor = Metered(*rows, budget=budget, page_size=1, statuses_per_query=None, details=True)
    async with Rig(vendor, transport=Transport(vendor.limiter), budget=budget) as rig:
        await rig.forward(2 * FINISHED)
        assert interval(rig, Tier.FINISHED) > 1.5 * FINISHED
        assert interval(rig, Tier.ACTIVE) == ACTIVE
        outstanding = [rig.shelf.value("outbound_account_details_outstanding")]
        for _ in range(6):
            await rig.forward(FINISHED)
            outstanding.append(rig.shelf.value("outbound_account_details_outstanding"))
        assert outstanding[0] > 50
        assert outstanding == sorted(outstanding, reverse=True)
        assert outstanding[-1] == 0


async def test_the_check_for_statuses_nobody_knows_is_one_row_a_finished_interval():
    vendor = Vendor(task("a"), *FINISHED_ROWS, page_size=100)
    async with Rig(vendor) as rig:
        await rig.forward(4.5 * FINISHED)
        assert vendor.count("total") == 5
        assert {query.page_size for query, _ in vendor.asked("total")} == {1}


async def test_discovery_rides_on_the_idle_interval():
    vendor = Vendor(task("a"))
    async with Rig(vendor, refresh={"active": 10.0}) as rig:
        await rig.forward(10.5 * IDLE)
        assert vendor.count("scopes") == 11


# Another configuration of the same account


def test_data_that_was_read_at_the_pace_of_before_is_not_stale_by_a_shorter_one():
    before, after = Account(), Account()
    before.read(Tier.FINISHED, 5, seconds=7.0)
    before.pace.scheduled(Tier.FINISHED, SCOPE, 18_000.0)

    after.pace.follow(before.pace)

    assert after.pace.interval(Tier.FINISHED) == 18_000
    assert after.pace.longest_reading(Tier.FINISHED) == 7
    after.pace.scheduled(Tier.FINISHED, SCOPE, FINISHED)
    assert after.pace.interval(Tier.FINISHED) == FINISHED


def test_what_readings_take_is_known_from_the_start():
    before, after = Account(), Account(sustained=1.0)
    before.read(Tier.FINISHED, 36_000)

    after.pace.follow(before.pace)

    assert after.planned(Tier.FINISHED) == pytest.approx(36_000 / 0.9)
    after.pace.forget(SCOPE)
    assert after.later(Tier.FINISHED) == FINISHED
