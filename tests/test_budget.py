"""What an account may ask, second by second and hour by hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.budget import BudgetState, sustained_rate
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


def spend(state, start, seconds, *, priority=0):
    """Times of all calls that are made as soon as they may be."""
    now, calls = start, []
    while now < start + seconds:
        wait = state.wait(now, priority=priority)
        if wait > 0:
            now += wait
            continue
        state.take(now)
        calls.append(now)
    return calls


def most_in_any(window, calls):
    """How many calls the fullest window of so many seconds holds, one of its ends included."""
    most = first = 0
    for last, at in enumerate(calls):
        while calls[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_burst_goes_at_once_and_then_the_rate_holds():
    calls = spend(BudgetState(limits(), now=0.0), 0.0, 10)
    assert sum(call == 0.0 for call in calls) == 10
    assert len(calls) == pytest.approx(10 + 50, abs=1)


RATES = st.floats(0.5, 50)
BUDGETS = st.builds(
    limits,
    requests_per_hour=st.integers(1, 3000),
    burst=st.integers(1, 50),
    requests_per_second=RATES,
    concurrency=st.integers(1, 20),
)


@given(budget=BUDGETS, idle=st.floats(0, 7200))
def test_no_hour_sees_more_calls_than_the_hourly_budget(budget, idle):
    calls = spend(BudgetState(budget, now=0.0), idle, 5400)
    assert most_in_any(3600, calls) <= budget.requests_per_hour


@given(budget=BUDGETS, idle=st.floats(0, 60), window=st.floats(0.1, 600))
def test_no_window_sees_more_calls_than_the_burst_and_the_rate(budget, idle, window):
    calls = spend(BudgetState(budget, now=0.0), idle, 900)
    most = budget.burst + budget.requests_per_second * window
    assert most_in_any(window, calls) <= most + 1e-3


@given(
    budget=BUDGETS,
    refusals=st.lists(st.tuples(st.floats(0, 500), st.none() | st.floats(0.01, 60)), max_size=20),
)
def test_no_window_sees_more_while_the_rate_falls_and_rises(budget, refusals):
    state, now, calls = BudgetState(budget, now=0.0), 0.0, []
    for after, retry_after in refusals:
        calls += spend(state, now, after)
        now += after
        state.throttled(now, sent_at=now, retry_after=retry_after)
    calls += spend(state, now, 1000)
    for window in (1.0, 60.0):
        most = budget.burst + budget.requests_per_second * window
        assert most_in_any(window, calls) <= most + 1e-3
    assert most_in_any(3600, calls) <= budget.requests_per_hour


def test_what_is_under_way_when_an_hour_begins_does_not_overdraw_it():
    budget = limits(requests_per_hour=1000, requests_per_second=100, concurrency=20)
    calls = spend(BudgetState(budget, now=0.0), 0.0, 7200)
    assert 970 <= most_in_any(3600, calls) <= 980


def test_an_exhausted_hour_still_trickles():
    calls = spend(BudgetState(limits(requests_per_hour=100), now=0.0), 0.0, 3600)
    assert calls[-1] > 3500
    assert 90 <= len(calls) <= 100


def test_what_can_be_gone_on_with_for_hours_is_the_lower_of_both_rates():
    assert BudgetState(limits(), now=0.0).sustained(0.0) == pytest.approx(9000 / 3600, rel=1e-3)
    slow = BudgetState(limits(requests_per_second=0.5), now=0.0)
    assert slow.sustained(0.0) == sustained_rate(limits(requests_per_second=0.5)) == 0.5
    slow.throttled(0.0, sent_at=0.0, retry_after=None)
    assert slow.sustained(0.0) == 0.25


@pytest.mark.parametrize(("priority", "left"), [(0, 0), (1, 1), (2, 3), (3, 5), (9, 5)])
def test_what_is_less_urgent_leaves_calls_for_what_is_more(priority, left):
    state = BudgetState(limits(requests_per_second=0.001), now=0.0)
    while state.wait(0.0, priority=priority) == 0:
        state.take(0.0)
    assert int(state.remaining(0.0)["second"]) == left


def test_what_is_least_urgent_goes_too_where_there_is_no_burst():
    state = BudgetState(limits(burst=1, requests_per_hour=10), now=0.0)
    assert state.wait(0.0, priority=3) == 0


def test_throttling_closes_the_budget_for_as_long_as_the_vendor_asks():
    state = BudgetState(limits(), now=0.0)
    state.throttled(0.0, sent_at=0.0, retry_after=30.0)
    assert state.wait(0.0) == 30.0
    assert state.wait(30.0) == 0.0


def test_throttling_halves_the_rate_and_takes_the_burst_away():
    state = BudgetState(limits(), now=0.0)
    state.throttled(0.0, sent_at=0.0, retry_after=None)
    assert state.rate(0.0) == 2.5
    assert state.remaining(0.0)["second"] == 1.0


def test_calm_gives_rate_and_burst_back_step_by_step():
    state = BudgetState(limits(), now=0.0)
    state.throttled(0.0, sent_at=0.0, retry_after=None)
    rates = [state.rate(300.0 * step) for step in range(60)]
    assert rates == sorted(rates)
    assert rates[1] < 3
    assert rates[-1] == 5.0
    assert state.remaining(300.0 * 60)["second"] == 10


def test_what_is_left_shows_by_window():
    state = BudgetState(limits(), now=0.0)
    state.take(0.0)
    assert state.remaining(0.0) == pytest.approx({"second": 9.0, "hour": 998.6})


# Another configuration of the same account


def exhausted(**changes):
    state = BudgetState(limits(**changes), now=0.0)
    spend(state, 0.0, 300.0)
    while state.wait(300.0) <= 0:
        state.take(300.0)
    return state


@pytest.mark.parametrize(
    "changes", [{}, {"burst": 100}, {"requests_per_hour": 500}, {"requests_per_second": 50}]
)
def test_what_was_spent_stays_spent_under_other_limits(changes):
    before = exhausted()
    after = BudgetState(limits(**changes), now=300.0)

    after.follow(before, 300.0)

    for window, left in after.remaining(300.0).items():
        assert left <= before.remaining(300.0)[window]
    assert after.wait(300.0) > 0
    rate = limits(**changes).requests_per_second
    assert after.rate(300.0) == rate


def test_a_larger_bucket_fills_up_in_time():
    after = BudgetState(limits(burst=100), now=300.0)
    after.follow(exhausted(), 300.0)

    assert after.remaining(330.0)["second"] == 100


@given(
    budget=BUDGETS,
    steps=st.lists(
        st.tuples(st.floats(0, 400), st.sampled_from(["reload", "refused", "urgent", "details"])),
        max_size=12,
    ),
)
def test_no_window_sees_more_whatever_is_reloaded_refused_and_how_urgent_calls_are(budget, steps):
    state, now, calls, priority = BudgetState(budget, now=0.0), 0.0, [], 0
    for seconds, event in [*steps, (400.0, "urgent")]:
        calls += spend(state, now, seconds, priority=priority)
        now += seconds
        if event == "reload":
            before, state = state, BudgetState(budget, now=now)
            state.follow(before, now)
        elif event == "refused":
            state.throttled(now, sent_at=now, retry_after=None)
        else:
            priority = 3 if event == "details" else 0
    for window in (1.0, 60.0):
        most = budget.burst + budget.requests_per_second * window
        assert most_in_any(window, calls) <= most + 1e-3
    assert most_in_any(3600, calls) <= budget.requests_per_hour


@given(budgets=st.lists(BUDGETS, min_size=2, max_size=5), seconds=st.floats(0, 600))
def test_reloads_with_other_limits_together_give_no_more_than_the_widest_of_them(budgets, seconds):
    state, now, calls = BudgetState(budgets[0], now=0.0), 0.0, []
    for budget in budgets:
        before, state = state, BudgetState(budget, now=now)
        state.follow(before, now)
        calls += spend(state, now, seconds)
        now += seconds
    burst = max(budget.burst for budget in budgets)
    rate = max(budget.requests_per_second for budget in budgets)
    for window in (1.0, 60.0):
        assert most_in_any(window, calls) <= burst + rate * window + 1e-3
    assert most_in_any(3600, calls) <= max(budget.requests_per_hour for budget in budgets)


@pytest.mark.parametrize("requests_per_second", [5.0, 8.0])
def test_a_vendor_that_throttles_is_still_left_in_peace(requests_per_second):
    before = BudgetState(limits(), now=0.0)
    before.throttled(10.0, sent_at=9.0, retry_after=30.0)
    after = BudgetState(limits(requests_per_second=requests_per_second), now=20.0)

    after.follow(before, 20.0)

    assert after.wait(20.0) == pytest.approx(20.0)
    same = requests_per_second == 5.0
    assert after.rate(20.0) == (before.rate(20.0) if same else requests_per_second)
