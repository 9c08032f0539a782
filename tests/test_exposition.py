"""Bytes of the exposition."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.exposition import (
    Text,
    gzip_head,
    header,
    joined,
    label_value,
    masked,
    number,
    packed,
    segment,
    segments,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(text=TEXT)
def test_any_text_round_trips_through_both_parsers(text):
    lines = header("outbound_task_customers", "Customers.").decode()
    lines += f'outbound_task_customers{{task_name="{label_value(text)}"}} 1\n'
    expected = text if len(text) <= 255 else text[:255] + "…"
    for families in (text_families(lines), openmetrics_families(lines + "# EOF\n")):
        (sample,) = next(iter(families)).samples
        assert sample.labels == {"task_name": expected}


@given(parts=st.lists(st.binary(max_size=2000), max_size=12), tail=st.binary(max_size=500))
def test_segments_and_a_tail_are_one_valid_gzip_stream(parts, tail):
    body = joined([segment(part, samples=1) for part in parts])
    stream = gzip_head() + b"".join(body.deflated) + body.gzip_tail(tail)
    assert gzip.decompress(stream) == b"".join(parts) + tail
    assert body.plain_bytes == sum(len(part) for part in parts)
    assert body.samples == len(parts)


@given(
    parts=st.lists(st.binary(max_size=40), min_size=1, max_size=8),
    times=st.integers(1, 2000),
    order=st.randoms(),
)
def test_segments_that_were_made_together_stand_alone_in_any_order(parts, times, order):
    made = segments([Text((part * times,), 1) for part in parts])
    order.shuffle(made)
    body = joined(made)
    stream = gzip_head() + b"".join(body.deflated) + body.gzip_tail(b"end")
    assert gzip.decompress(stream) == b"".join(map(bytes, body.plain)) + b"end"


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_texts_kept_together_are_whole_in_their_order_small_and_large(size):
    texts = [Text((b"a" * size, b"b"), 2), Text((), 0), Text((b"c" * size,), 1)]
    made = segments(texts)
    assert [bytes(each.plain) for each in made] == [b"".join(text.pieces) for text in texts]
    assert [each.samples for each in made] == [2, 0, 1]
    assert joined(made).plain_bytes == 2 * size + 1


def test_a_large_text_cannot_be_changed_and_is_shared_by_all_who_send_it():
    (made,) = segments([Text((b"x" * 300_000,), 1)])
    assert isinstance(made.plain, memoryview)
    assert made.plain.readonly
    assert joined([made]).plain[0] is made.plain


@given(parts=st.lists(st.binary(max_size=200), max_size=9))
def test_a_packed_body_is_the_same_body_with_one_deflated_piece(parts):
    body = joined([segment(part, samples=1) for part in parts])
    one = packed(body)
    assert one.deflated == (b"".join(body.deflated),)
    assert gzip.decompress(gzip_head() + one.deflated[0] + one.gzip_tail(b"z")) == (
        b"".join(parts) + b"z"
    )


@given(parts=st.lists(st.binary(max_size=200), max_size=9), cut=st.integers(0, 9))
def test_joining_bodies_is_the_same_as_joining_their_segments(parts, cut):
    made = [segment(part, samples=2) for part in parts]
    assert joined([joined(made[:cut]), joined(made[cut:])]) == joined(made)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("call 13812345678 back", "call 138******** back"),
        ("13812345678", "138********"),
        ("x13812345678,19900001111", "x138********,199********"),
        ("213812345678", "213812345678"),
        ("138123456789", "138123456789"),
        ("12812345678", "12812345678"),
        ("autumn-2026-10", "autumn-2026-10"),
    ],
)
def test_what_looks_like_a_mobile_number_is_masked(name, shown):
    assert masked(name) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (True, "1"),
        (False, "0"),
        (20.0, "20"),
        (0.5, "0.5"),
        (1760000000.25, "1760000000.25"),
    ],
)
def test_numbers_are_short_and_exact(value, text):
    assert number(value) == text


@pytest.mark.parametrize("text", ['say "hi"', "back\\slash", "two\nlines", ""])
def test_help_that_the_formats_escape_differently_is_refused(text):
    with pytest.raises(ValueError, match="HELP of outbound_x"):
        header("outbound_x", text)
