"""How the rate follows a vendor that refuses calls."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.throttling import LONGEST_PAUSE_SECONDS, SLOWEST_PER_SECOND, Throttling

SECONDS = st.floats(0, 5000)


def fresh(rate=5.0, burst=10.0):
    return Throttling(rate=rate, burst=burst, now=0.0)


def pass_calls(law, count, *, start, apart):
    """So many calls pass; returns the moment of the last one."""
    at = start
    for _ in range(count):
        law.passed(sent_at=at)
        at += apart
        law.recover(at)
    return at


def test_a_burst_of_refusals_is_one_halving():
    law = fresh()
    for at in (1.0, 1.1, 1.2, 1.3):
        law.refused(at, sent_at=0.9, retry_after=None)
    assert law.rate == 2.5


def test_refusals_of_calls_sent_after_the_halving_are_another_one():
    law = fresh()
    law.refused(1.0, sent_at=0.9, retry_after=None)
    law.refused(2.5, sent_at=2.0, retry_after=None)
    assert law.rate == 1.25


def test_a_call_already_under_way_extends_the_pause_that_the_vendor_asks_for():
    law = fresh()
    law.refused(1.0, sent_at=0.9, retry_after=2.0)
    law.refused(1.1, sent_at=0.9, retry_after=20.0)
    law.refused(1.2, sent_at=0.9, retry_after=1.0)
    assert law.closed_until == 21.1


def test_pauses_grow_while_nothing_passes_and_are_short_again_once_something_did():
    law, now, pauses = fresh(), 0.0, []
    for _ in range(9):
        now += 0.1
        law.refused(now, sent_at=now, retry_after=None)
        pauses.append(law.closed_until - now)
        now = law.closed_until
    assert [round(pause) for pause in pauses[:4]] == [1, 2, 4, 8]
    assert round(pauses[-1]) == LONGEST_PAUSE_SECONDS
    law.passed(sent_at=now + 1)
    law.refused(now + 3, sent_at=now + 2, retry_after=None)
    assert law.closed_until == now + 4


def test_the_rate_never_falls_to_nothing():
    law = fresh()
    for second in range(1, 50):
        law.refused(float(second), sent_at=float(second), retry_after=0.1)
    assert law.rate == SLOWEST_PER_SECOND
    slower = fresh(rate=0.001)
    slower.refused(1.0, sent_at=1.0, retry_after=None)
    assert slower.rate == 0.001


def test_the_ceiling_is_approached_and_then_left_alone_for_hundreds_of_calls():
    law = fresh(rate=5.0)
    law.refused(1.0, sent_at=1.0, retry_after=None)
    now = pass_calls(law, 250, start=3.0, apart=0.4)
    assert law.rate == 4.0
    now = pass_calls(law, 299, start=now, apart=0.25)
    assert law.rate == 4.0
    pass_calls(law, 2, start=now, apart=0.25)
    assert 4.0 < law.rate < 4.2


def test_steps_beyond_the_ceiling_grow_until_all_is_given_back_the_burst_last():
    law = fresh(rate=40.0, burst=10.0)
    law.refused(1.0, sent_at=1.0, retry_after=None)
    now, rates, bursts = 3.0, [], []
    for _ in range(40):
        now = pass_calls(law, 300, start=now, apart=0.06)
        rates.append(law.rate)
        bursts.append(law.burst)
    assert rates == sorted(rates)
    assert rates[-1] == 40.0
    first_full = rates.index(40.0)
    assert set(bursts[:first_full]) == {1.0}
    assert bursts[first_full:][:5] == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_an_account_that_makes_no_calls_recovers_by_time():
    law = fresh()
    law.refused(0.0, sent_at=0.0, retry_after=None)
    law.recover(299.0)
    assert law.rate == 2.5
    law.recover(301.0)
    assert law.rate > 2.5
    law.recover(86400.0)
    assert (law.rate, law.burst) == (5.0, 10.0)


def test_a_vendor_that_is_closed_for_a_while_does_not_lower_the_ceiling():
    law, now = fresh(), 1.0
    for _ in range(8):
        law.refused(now, sent_at=now, retry_after=None)
        now = law.closed_until + 0.1
    # Three times as long as the climb to 4 takes where calls are made.
    now = pass_calls(law, 1000, start=now, apart=1.0)
    assert law.rate >= 4.0


@given(
    events=st.lists(st.tuples(st.booleans(), st.floats(0.01, 600)), max_size=100),
    rate=st.floats(0.001, 1000),
    burst=st.floats(1, 1000),
)
def test_rate_and_burst_stay_within_what_is_configured(events, rate, burst):
    law, now = fresh(rate, burst), 0.0
    for refused, seconds in events:
        now += seconds
        if refused:
            law.refused(now, sent_at=now - 0.005, retry_after=None)
        else:
            law.passed(sent_at=now)
        law.recover(now)
        assert min(rate, SLOWEST_PER_SECOND) <= law.rate <= rate
        assert 1 <= law.burst <= burst
        assert law.closed_until <= now + LONGEST_PAUSE_SECONDS
