"""What a budget holds is divided among the tiers: active first, the others evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.capacity import (
    PLANNED,
    REST_SHARE,
    Load,
    beside,
    pages,
    plan,
    reading_calls,
    tier_loads,
)
from exporter.domain import Tier

INTERVALS = {Tier.ACTIVE: 60.0, Tier.IDLE: 300.0, Tier.FINISHED: 3600.0}
CALLS = st.floats(0, 100_000)
LOADS = st.builds(
    lambda *calls: {
        tier: Load(number, seconds)
        for number, (tier, seconds) in zip(calls, INTERVALS.items(), strict=True)
    },
    *[CALLS] * 3,
)
SUSTAINED = st.floats(0.0001, 1000)


def loads(active, idle, finished):
    calls = {Tier.ACTIVE: active, Tier.IDLE: idle, Tier.FINISHED: finished}
    return tier_loads(calls, INTERVALS, discovery=0)


def factors(found):
    return {tier: found.intervals[tier] / seconds for tier, seconds in INTERVALS.items()}


def test_what_fits_keeps_the_intervals_that_are_asked_for():
    found = plan(loads(5, 5, 490), sustained=2.5)
    assert found.fits
    assert found.intervals == INTERVALS


def test_active_keeps_its_interval_and_the_others_stretch_evenly():
    found = plan(loads(60, 300, 7200), sustained=2.0)
    assert not found.fits
    assert factors(found) == pytest.approx(
        {Tier.ACTIVE: 1, Tier.IDLE: 3 / 0.8, Tier.FINISHED: 3 / 0.8}
    )


def test_active_that_wants_more_than_there_is_stretches_too_and_leaves_a_tenth():
    found = plan(loads(600, 300, 3600), sustained=1 / PLANNED)
    assert factors(found)[Tier.ACTIVE] == pytest.approx(10 / 0.9)
    assert factors(found)[Tier.IDLE] == factors(found)[Tier.FINISHED] == pytest.approx(20)


def test_active_alone_may_have_everything():
    found = plan(loads(600, 0, 0), sustained=1 / PLANNED)
    assert factors(found) == pytest.approx({Tier.ACTIVE: 10, Tier.IDLE: 1, Tier.FINISHED: 1})


def test_others_that_want_less_than_their_share_are_not_stretched_by_an_active_tier():
    found = plan(loads(600, 3, 0), sustained=1 / PLANNED)
    assert factors(found)[Tier.IDLE] == pytest.approx(1)
    assert factors(found)[Tier.ACTIVE] == pytest.approx(10 / 0.99)


@given(wanted=LOADS, sustained=SUSTAINED)
def test_the_plan_is_within_the_budget_and_never_faster_than_asked(wanted, sustained):
    found = plan(wanted, sustained=sustained)
    spent = sum(load.calls / found.intervals[tier] for tier, load in wanted.items())
    assert spent <= found.allowed * (1 + 1e-9)
    assert all(found.intervals[tier] >= load.interval for tier, load in wanted.items())
    assert found.intervals[Tier.IDLE] / 300 == pytest.approx(found.intervals[Tier.FINISHED] / 3600)


@given(wanted=LOADS, sustained=SUSTAINED)
def test_active_stretches_only_when_it_would_take_the_share_of_the_others(wanted, sustained):
    found = plan(wanted, sustained=sustained)
    rest = wanted[Tier.IDLE].rate + wanted[Tier.FINISHED].rate
    kept = min(rest, found.allowed * REST_SHARE)
    if wanted[Tier.ACTIVE].rate <= (found.allowed - kept) * (1 - 1e-9):
        assert found.intervals[Tier.ACTIVE] == wanted[Tier.ACTIVE].interval


@given(wanted=LOADS, sustained=SUSTAINED)
def test_nobody_starves(wanted, sustained):
    found = plan(wanted, sustained=sustained)
    rest = wanted[Tier.IDLE].rate + wanted[Tier.FINISHED].rate
    left = sum(wanted[tier].calls / found.intervals[tier] for tier in (Tier.IDLE, Tier.FINISHED))
    assert left >= min(rest, found.allowed * REST_SHARE) * (1 - 1e-9)


@given(wanted=LOADS, sustained=SUSTAINED)
def test_a_larger_budget_never_lengthens_an_interval(wanted, sustained):
    before, after = plan(wanted, sustained=sustained), plan(wanted, sustained=2 * sustained)
    assert all(after.intervals[tier] <= before.intervals[tier] * (1 + 1e-9) for tier in Tier)


def test_an_empty_list_takes_a_call():
    assert pages(0, page_size=100) == pages(100, page_size=100) == 1
    assert pages(101, page_size=100) == 2
    assert reading_calls([490, 0, 0], page_size=100) == 7


def test_discovery_rides_on_the_idle_tier():
    calls = dict.fromkeys(Tier, 1.0)
    found = tier_loads(calls, INTERVALS, discovery=2)
    assert {tier: load.calls for tier, load in found.items()} == {
        Tier.ACTIVE: 1,
        Tier.IDLE: 3,
        Tier.FINISHED: 1,
    }


def test_an_optional_collector_takes_half_of_what_is_left_and_never_more():
    loads = {tier: Load(60.0, 60.0) for tier in Tier}
    found = plan(loads, sustained=4.0)
    assert found.fits
    assert found.left == pytest.approx(1.0)
    assert beside(10, interval=60.0, left=found.left) == 60.0
    assert beside(90, interval=60.0, left=found.left) == pytest.approx(180.0)
    tight = plan(loads, sustained=2.0)
    assert tight.left == pytest.approx(0.2), "what is never planned with"
