"""When the next poll is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PollError, Reason
from exporter.schedule import JITTER, SLOW_RETRY_SECONDS, Timetable, retry_delay, stagger

FRACTION = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("reason", [Reason.AUTH, Reason.PERMISSION])
def test_what_a_person_must_mend_is_retried_slowly(reason):
    error = PollError(reason, "")
    delay = retry_delay(error, failures=1, interval=60, random=lambda: 0.5)
    assert SLOW_RETRY_SECONDS <= delay <= SLOW_RETRY_SECONDS * 1.05


@pytest.mark.parametrize("reason", [Reason.CLOCK, Reason.PROTOCOL, Reason.CONFIG, Reason.BUG])
def test_what_a_retry_would_not_mend_waits_for_its_next_interval(reason):
    assert retry_delay(PollError(reason, ""), failures=3, interval=60, random=lambda: 0.5) is None


@given(failures=st.integers(1, 10_000), interval=st.floats(0.1, 1e5), fraction=FRACTION)
def test_back_off_stays_within_the_interval(failures, interval, fraction):
    error = PollError(Reason.UNAVAILABLE, "")
    delay = retry_delay(error, failures=failures, interval=interval, random=lambda: fraction)
    assert 0 < delay <= interval


def test_back_off_grows():
    error = PollError(Reason.UNAVAILABLE, "")
    delays = [
        retry_delay(error, failures=failures, interval=3600, random=lambda: 0.9)
        for failures in range(1, 9)
    ]
    assert delays == sorted(delays)
    assert delays[-1] > 50 * delays[0]


def test_a_throttled_poll_waits_at_least_as_long_as_the_vendor_asks():
    error = PollError(Reason.RATE_LIMITED, "", retry_after=120)
    assert retry_delay(error, failures=1, interval=60, random=lambda: 0.0) == 120


def test_the_grid_does_not_drift():
    timetable, now, dues = Timetable(interval=60, start=1000.0), 1000.0, []
    for _ in range(100):
        now += 1.5
        delay, late = timetable.next(now, random=lambda: 0.99)
        assert late == 0
        now += delay
        dues.append(now)
    for number, due in enumerate(dues, start=1):
        assert 0 <= due - (1000 + 60 * number) <= 3


@given(took=st.floats(0, 1000), interval=st.floats(1, 100), fraction=FRACTION)
def test_a_late_poll_is_left_out_and_not_made_up_for(took, interval, fraction):
    timetable = Timetable(interval=interval, start=0.0)
    delay, late = timetable.next(took, random=lambda: fraction)
    assert late == int(took // interval)
    assert 0 <= delay <= interval * 1.05 + 1e-6


def test_an_early_poll_does_not_use_up_the_next_one():
    timetable = Timetable(interval=60, start=0.0)
    assert timetable.next(1.0, random=lambda: 0.0) == (59.0, 0)
    assert timetable.next(20.0, random=lambda: 0.0) == (40.0, 0)


def test_a_pause_made_on_purpose_is_not_lateness():
    timetable = Timetable(interval=60, start=0.0)
    timetable.next(1.0, random=lambda: 0.0)
    timetable.restart(301.0)
    assert timetable.next(301.0, random=lambda: 0.0) == (60.0, 0)


def test_an_interval_that_changes_moves_the_next_due_time_from_the_last_poll():
    timetable = Timetable(interval=60, start=0.0)
    timetable.next(1.0, random=lambda: 0.0)
    assert timetable.change(100, 2.0) == 40
    assert timetable.next(2.0, random=lambda: 0.0) == (98.0, 0)
    assert timetable.change(60, 50.0) == -40


def test_an_interval_that_gets_shorter_makes_a_poll_due_now_and_none_late():
    timetable = Timetable(interval=600, start=0.0)
    timetable.next(0.0, random=lambda: 0.0)
    assert timetable.change(60, 400.0) == -200
    assert timetable.next(400.0, random=lambda: 0.0) == (60.0, 0)


@given(accounts=st.integers(1, 5000))
def test_first_polls_spread_over_at_most_ten_seconds(accounts):
    starts = [stagger(index, accounts) for index in range(accounts)]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] <= 10


@given(took=st.lists(st.floats(0, 500), max_size=40), interval=st.floats(1, 100), fraction=FRACTION)
def test_every_due_time_is_polled_or_counted_as_left_out_once(took, interval, fraction):
    timetable, now, left_out = Timetable(interval=interval, start=0.0), 0.0, 0
    for polls, seconds in enumerate(took, start=1):
        now += seconds
        delay, late = timetable.next(now, random=lambda: fraction)
        left_out += late
        now += delay
        due = now - fraction * JITTER * interval
        assert due == pytest.approx((polls + left_out) * interval)


@given(
    events=st.lists(
        st.tuples(
            st.floats(0, 200), st.sampled_from(["poll", "change", "restart"]), st.floats(1, 100)
        ),
        max_size=40,
    ),
    fraction=FRACTION,
)
def test_no_wait_is_longer_than_an_interval_whatever_changes(events, fraction):
    timetable, now = Timetable(interval=60.0, start=0.0), 0.0
    for seconds, event, interval in events:
        now += seconds
        if event == "change":
            timetable.change(interval, now)
        elif event == "restart":
            timetable.restart(now)
        delay, late = timetable.next(now, random=lambda: fraction)
        assert late >= 0
        assert 0 <= delay <= timetable.interval * (1 + JITTER) + 1e-6
