"""Which shard has an account: exactly one, always the same, and few move when shards are added."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sharding import UNSHARDED, Shard, shard_of

NAMES = st.text(min_size=1, max_size=30)
TOTALS = st.integers(min_value=1, max_value=8)


@given(names=st.sets(NAMES, max_size=20), total=TOTALS)
def test_each_account_is_held_by_exactly_one_of_the_shards(names, total):
    shards = [Shard(number=number, total=total) for number in range(total)]
    held = [name for shard in shards for name in sorted(names) if shard.holds(name)]

    assert sorted(held) == sorted(names)


@given(name=NAMES, total=st.integers(min_value=1, max_value=40))
def test_with_one_more_shard_an_account_stays_or_moves_to_the_new_one(name, total):
    before, after = shard_of(name, total=total), shard_of(name, total=total + 1)

    assert after in {before, total}


@given(name=NAMES)
def test_the_only_process_holds_every_account(name):
    assert UNSHARDED.holds(name)


@pytest.mark.parametrize("total", range(2, 9))
def test_many_accounts_are_shared_evenly(total):
    counts = Counter(shard_of(f"account-{number}", total=total) for number in range(4000))

    assert set(counts) == set(range(total))
    even = 4000 / total
    assert all(0.85 * even < count < 1.15 * even for count in counts.values())


# An upgrade of the exporter must never move an account, so these rows never change.
ASSIGNED = {
    "collections": [0, 0, 0, 0, 0, 0, 0, 0],
    "dezhu-demo": [0, 1, 1, 1, 4, 4, 4, 4],
    "aliyun-demo": [0, 0, 0, 0, 0, 5, 5, 7],
    "外呼-北京": [0, 0, 2, 3, 4, 4, 4, 4],
    "a": [0, 0, 0, 0, 0, 5, 5, 5],
}


@pytest.mark.parametrize("name", ASSIGNED)
def test_the_shard_of_a_name_is_the_same_in_every_version_and_on_every_machine(name):
    assert [shard_of(name, total=total) for total in range(1, 9)] == ASSIGNED[name]


@pytest.mark.parametrize(("number", "total"), [(1, 1), (-1, 2), (3, 3), (0, 0)])
def test_a_shard_that_cannot_be_is_refused(number, total):
    with pytest.raises(ValueError, match="there is no shard"):
        Shard(number=number, total=total)
