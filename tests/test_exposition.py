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
    gzip_head,
    header,
    joined,
    label_value,
    masked,
    number,
    segment,
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


@given(parts=st.lists(st.binary(max_size=200), max_size=9), cut=st.integers(0, 9))
def test_joining_bodies_is_the_same_as_joining_their_segments(parts, cut):
    segments = [segment(part, samples=2) for part in parts]
    assert joined([joined(segments[:cut]), joined(segments[cut:])]) == joined(segments)


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
