"""How long an answer asks us to wait."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.retry_after import LONGEST_SECONDS, epoch_seconds, waiting_seconds

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
IN_HALF_A_MINUTE = "Wed, 21 Oct 2026 07:28:30 GMT"
EPOCH = 1792567680.0

CASES = {
    "milliseconds of Alibaba": ({"x-acs-retry-after": "1500"}, 1.5),
    "seconds": ({"retry-after": "7"}, 7.0),
    "both": ({"x-acs-retry-after": "1500", "retry-after": "7"}, 1.5),
    "one of no use": ({"x-acs-retry-after": "soon", "retry-after": "7"}, 7.0),
    "a date by the vendor's clock": ({"retry-after": IN_HALF_A_MINUTE, "date": DATE}, 30.0),
    "a date that is over": ({"retry-after": DATE, "date": IN_HALF_A_MINUTE}, 0.0),
    "a date by our clock": ({"retry-after": IN_HALF_A_MINUTE}, 20.0),
    "too long": ({"retry-after": "86400"}, LONGEST_SECONDS),
    "a far date": ({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT", "date": DATE}, LONGEST_SECONDS),
    "thousands of digits": ({"retry-after": "9" * 6000}, LONGEST_SECONDS),
    "nothing": ({}, None),
    "negative": ({"retry-after": "-1"}, None),
    "a fraction": ({"retry-after": "1.5"}, None),
}


@pytest.mark.parametrize(("headers", "seconds"), CASES.values(), ids=CASES)
def test_headers_say_how_long_to_wait(headers, seconds):
    assert waiting_seconds(headers, received_at=EPOCH + 10) == seconds


def test_a_date_means_nothing_without_any_clock():
    assert waiting_seconds({"retry-after": DATE}, received_at=None) is None


@pytest.fixture
def _far_from_greenwich(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    epoch_seconds.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    epoch_seconds.cache_clear()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize(
    "date",
    [
        DATE,
        "Wednesday, 21-Oct-26 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2026",
        "Wed, 21 Oct 2026 07:28:00 -0000",
        "Wed, 21 Oct 2026 15:28:00 +0800",
    ],
)
def test_every_form_of_an_http_date_is_the_same_moment_wherever_we_run(date):
    assert epoch_seconds(date) == EPOCH


@given(text=st.text(max_size=40), date=st.text(max_size=40))
def test_no_header_breaks_it(text, date):
    headers = {"x-acs-retry-after": text, "retry-after": text, "date": date}
    seconds = waiting_seconds(headers, received_at=0.0)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS


@given(seconds=st.integers(0, 10**12), padding=st.sampled_from(["", " ", "\t"]))
def test_whole_seconds_are_taken_at_their_word_up_to_the_longest(seconds, padding):
    asked = {"retry-after": f"{padding}{seconds}{padding}"}
    assert waiting_seconds(asked, received_at=0.0) == min(seconds, LONGEST_SECONDS)
    milliseconds = {"x-acs-retry-after": str(seconds)}
    assert waiting_seconds(milliseconds, received_at=0.0) == pytest.approx(
        min(seconds / 1000, LONGEST_SECONDS)
    )


MOMENTS = st.integers(0, 4_102_444_800)


@given(now=MOMENTS, later=st.integers(-2000, 2000), ours=MOMENTS)
def test_a_date_is_counted_from_the_moment_of_the_answer_whatever_our_clock_shows(now, later, ours):
    headers = {
        "retry-after": http_date(now + later),
        "date": http_date(now),
    }
    assert waiting_seconds(headers, received_at=ours) == min(max(0, later), LONGEST_SECONDS)


def http_date(epoch):
    return format_datetime(datetime.fromtimestamp(epoch, UTC), usegmt=True)


WORDS = st.lists(
    st.sampled_from(
        [
            *("Wed", ",", " ", "21", "Oct", "2026", "07:28:00", "GMT", "-0000", "+9999", ":", "-"),
            *("99999", "0", "07.28", "()", "(", '"', "am", "1", "-99999999999", "²", "\0"),
        ]
    ),
    max_size=9,
).map("".join)


@given(text=WORDS, date=WORDS)
def test_nothing_made_of_the_words_of_a_date_breaks_it(text, date):
    seconds = waiting_seconds({"retry-after": text, "date": date}, received_at=0.0)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS
