import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604800),
        ("1w", 604800),
        ("1y", 31536000),
        ("1y1w1d1h1m1s1ms", 31536000 + 604800 + 86400 + 3600 + 60 + 1.001),
        ("007s", 7),
    ],
)
def test_duration_is_read_as_prometheus_writes_it(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "s",
        "1m1h",
        "1s1s",
        "1.5h",
        "-5m",
        "+5m",
        " 5m",
        "5m ",
        "5 m",
        "5M",
        "5min",
        "00",
        "1ms1s",
        "٣s",
        "5m\n",
        "1" * 13 + "s",
    ],
)
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match=r"^expected a duration such as 30s, 5m, 1h30m or 7d$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.05, "50ms"),
        (90, "1m30s"),
        (5400, "1h30m"),
        (129600, "36h"),
        (90 * 86400, "90d"),
        (7 * 86400, "1w"),
        (365 * 86400, "1y"),
    ],
)
def test_duration_is_written_as_prometheus_writes_it(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**13))
def test_duration_survives_being_written_and_read(milliseconds):
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds
