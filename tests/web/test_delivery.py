from hypothesis import given
from hypothesis import strategies as st

from exporter.web.delivery import SLICE_BYTES, slices

SIZES = st.one_of(st.integers(0, 100), st.sampled_from([30_000, 33_000, SLICE_BYTES, 700_000]))


@given(st.lists(SIZES, max_size=25))
def test_slices_are_the_same_bytes_in_bounded_sizes_and_few_of_them(sizes):
    pieces = [bytes([index]) * size for index, size in enumerate(sizes)]
    parts = list(slices(pieces))
    assert b"".join(parts) == b"".join(pieces)
    assert all(0 < len(part) <= SLICE_BYTES for part in parts)
    large = sum(-(-size // SLICE_BYTES) for size in sizes if size > 30_000)
    assert len(parts) <= 2 * large + 1 + sum(sizes) // (SLICE_BYTES // 2)


def test_a_large_piece_is_not_copied():
    piece = bytes(SLICE_BYTES * 2)
    parts = list(slices([b"header", piece]))
    assert parts[0] == b"header"
    assert all(part.obj is piece for part in parts[1:])
