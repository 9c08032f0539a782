"""JSON that looks like what a vendor sends, and is wrong anywhere."""

import msgspec
from hypothesis import strategies as st

from exporter.errors import PollError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        (
            *("", "1", "-1", "1e400", "NaN", "50.00%", "%", "true"),
            *("24:00:00", "09:00", "99:99:99", "2020-09-20", "9999-12-31", "0001-01-01"),
            *("2020-02-30", "[1,2]", '["[1]"]', "[", "[[[[1]]]]"),
        )
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def objects(keys, **nested):
    """Objects with some of the keys, each with its own kind of value or with anything."""
    return st.fixed_dictionaries(
        {}, optional={key: nested.get(key, ANYTHING) | ANYTHING for key in keys}
    )


def encoded(values):
    """What msgspec writes is JSON, with what is no JSON number as null."""
    return values.map(msgspec.json.encode)


def outcome(read):
    """What a parse function gives or, when it raises one, its error."""
    try:
        return read()
    except PollError as error:
        return error
