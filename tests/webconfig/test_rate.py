"""The rate limit, and the durations that it is written with."""

import pytest

from exporter.webconfig.durations import parse_go_duration
from exporter.webconfig.model import RateLimit
from exporter.webconfig.rate import RequestRate
from tests.fakes import FakeClock


async def test_a_burst_passes_at_once_and_then_one_each_interval():
    clock = FakeClock()
    rate, limit = RequestRate(clock), RateLimit(2.0, 3)

    assert [rate.allows(limit) for _ in range(5)] == [True, True, True, False, False]
    await clock.advance(1.9)
    assert not rate.allows(limit)
    await clock.advance(0.2)
    assert [rate.allows(limit) for _ in range(2)] == [True, False]
    await clock.advance(3600)
    assert [rate.allows(limit) for _ in range(4)] == [True, True, True, False]


async def test_without_an_interval_everything_passes():
    rate = RequestRate(FakeClock())

    assert all(rate.allows(RateLimit()) for _ in range(1000))


async def test_another_limit_is_in_force_at_once():
    rate = RequestRate(FakeClock())

    assert [rate.allows(RateLimit(60.0, 1)) for _ in range(2)] == [True, False]
    assert [rate.allows(RateLimit(60.0, 2)) for _ in range(3)] == [True, True, False]
    assert rate.allows(RateLimit())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("1s", 1.0),
        ("1.5h", 5400.0),
        ("1h2m3.5s", 3723.5),
        ("100ms", 0.1),
        ("5us", 5e-6),
        ("5µs", 5e-6),
        ("7ns", 7e-9),
        (".5s", 0.5),
    ],
)
def test_durations_are_read_as_go_reads_them(text, seconds):
    assert parse_go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1 s", "1d", "1s ", "soon", "1..5s", "١s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_go_duration(text)
