from hypothesis import given
from hypothesis import strategies as st

from exporter.web.delivery import slices


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 40))
def test_slices_are_the_same_bytes_in_equal_sizes(pieces, size):
    parts = list(slices(pieces, size))
    assert b"".join(parts) == b"".join(pieces)
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts)
