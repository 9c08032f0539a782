"""Whatever bytes an answer has, what is read of them is whole and no larger than the cap."""

import asyncio
import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.body import Cap, inflated, read_capped
from exporter.errors import PollError, Reason

CAP = Cap(100, "too large")
TOO_LARGE = (Reason.PROTOCOL, "too_large")
MALFORMED = (Reason.PROTOCOL, "malformed")


def outcome(read):
    """What comes of it, or reason and code of its error."""
    try:
        return asyncio.run(read)
    except PollError as error:
        return error.reason, error.code


async def chunked(parts):
    for part in parts:
        yield part


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_a_body_is_read_whole_or_not_at_all(parts):
    whole = b"".join(parts)
    expected = whole if len(whole) <= CAP.size else TOO_LARGE
    assert outcome(read_capped(chunked(parts), CAP)) == expected


@given(body=st.binary(max_size=200), level=st.integers(0, 9))
def test_gzip_of_any_body_is_that_body_up_to_the_cap(body, level):
    expected = body if len(body) <= CAP.size else TOO_LARGE
    assert outcome(inflated(gzip.compress(body, level), CAP)) == expected


@given(body=st.binary(max_size=CAP.size), data=st.data())
def test_gzip_that_ends_early_is_never_taken_for_whole(body, data):
    packed = gzip.compress(body)
    cut = data.draw(st.integers(0, len(packed) - 1))
    assert outcome(inflated(packed[:cut], CAP)) == MALFORMED


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda body, place, byte: (
            (packed := gzip.compress(body))[: place % len(packed)]
            + byte
            + packed[place % len(packed) :]
        ),
        st.binary(max_size=200),
        st.integers(0, 500),
        st.binary(min_size=1, max_size=2),
    )
)
def test_any_bytes_for_gzip_are_read_up_to_the_cap_or_refused(data):
    result = outcome(inflated(data, CAP))
    if isinstance(result, bytes):
        assert len(result) <= CAP.size
        assert zlib.decompressobj(31).decompress(data) == result
    else:
        assert result in {MALFORMED, TOO_LARGE}
