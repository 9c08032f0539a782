"""What an account may ask, second by second and hour by hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.budget import BudgetState
from exporter.config.model import Budget


def limits(**changes):
    return Budget(
        **{
            "requests_per_second": 5.0,
            "burst": 10,
            "requests_per_hour": 10000,
            "concurrency": 4,
            **changes,
        }
    )


def spend(state, start, seconds):
    """Times of all calls that are made as soon as they may be."""
    now, calls = start, []
    while now < start + seconds:
        wait = state.wait(now)
        if wait > 0:
            now += wait
            continue
        state.take(now)
        calls.append(now)
    return calls


def test_a_burst_goes_at_once_and_then_the_rate_holds():
    calls = spend(BudgetState(limits(), now=0.0), 0.0, 10)
    assert sum(call == 0.0 for call in calls) == 10
    assert len(calls) == pytest.approx(10 + 50, abs=1)


@given(
    hourly=st.integers(1, 3000),
    burst=st.integers(1, 50),
    rate=st.floats(0.5, 50),
    idle=st.floats(0, 7200),
)
def test_no_hour_sees_more_calls_than_the_hourly_budget(hourly, burst, rate, idle):
    state = BudgetState(
        limits(requests_per_hour=hourly, burst=burst, requests_per_second=rate), now=0.0
    )
    calls = spend(state, idle, 5400)
    first = 0
    for last, at in enumerate(calls):
        while calls[first] <= at - 3600:
            first += 1
        assert last - first + 1 <= hourly


def test_an_exhausted_hour_still_trickles():
    calls = spend(BudgetState(limits(requests_per_hour=100), now=0.0), 0.0, 3600)
    assert calls[-1] > 3500
    assert 90 <= len(calls) <= 100


def test_throttling_closes_the_budget_for_as_long_as_the_vendor_asks():
    state = BudgetState(limits(), now=0.0)
    state.throttled(0.0, retry_after=30.0)
    assert state.wait(0.0) == 30.0
    assert state.wait(30.0) == 0.0


def test_throttling_halves_the_rate_and_calm_gives_it_back_step_by_step():
    state = BudgetState(limits(), now=0.0)
    state.throttled(0.0, retry_after=None)
    state.throttled(1.0, retry_after=None)
    assert state.rate(1.0) == 1.25
    rates = [state.rate(1.0 + 15 * step) for step in range(20)]
    assert rates == sorted(rates)
    assert rates[1] > 1.25
    assert rates[-1] == 5.0


def test_the_rate_never_falls_to_nothing():
    state = BudgetState(limits(), now=0.0)
    for second in range(50):
        state.throttled(float(second), retry_after=None)
    assert state.rate(50.0) == pytest.approx(5 / 64)


def test_what_is_left_shows_by_window():
    state = BudgetState(limits(), now=0.0)
    state.take(0.0)
    assert state.remaining(0.0) == {"second": 9.0, "hour": 1999.0}
