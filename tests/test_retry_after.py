"""How long an answer asks us to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.retry_after import LONGEST_SECONDS, waiting_seconds

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


@given(text=st.text(max_size=40), date=st.text(max_size=40))
def test_no_header_breaks_it(text, date):
    headers = {"x-acs-retry-after": text, "retry-after": text, "date": date}
    seconds = waiting_seconds(headers, received_at=0.0)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS
