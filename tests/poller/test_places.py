"""What is kept up to date task by task is what looking at every task would tell."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from exporter.domain import TIER_OF, Status, Tier
from exporter.poller.places import Entry, Places
from tests.poller.making import task

LIFETIMES = {Tier.ACTIVE: 5.0, Tier.IDLE: 7.0, Tier.FINISHED: 9.0}
IDS = [f"t{number}" for number in range(6)]
PUTS = st.tuples(
    st.just("put"),
    st.sampled_from(IDS),
    st.sampled_from(list(Status)),
    st.sampled_from([None, 1.0]),
    st.integers(0, 2),
)
STEPS = st.lists(
    PUTS
    | st.tuples(st.just("remove"), st.sampled_from(IDS))
    | st.tuples(st.just("expire"), st.integers(0, 40))
    | st.just(("take",)),
    max_size=60,
)


class Plain:
    """The same without anything kept."""

    def __init__(self):
        self.entries = {}

    def at(self, place):
        return {key: entry for key, (where, entry) in self.entries.items() if where == place}

    def old(self, now):
        return {
            key
            for key, (place, entry) in self.entries.items()
            if entry.seen_at < now - LIFETIMES[place[1]]
        }


@given(STEPS)
def test_counts_places_expiry_and_changes_follow_each_task(steps):
    places, plain, published = Places(), Plain(), {}
    clock = 0.0
    for step in steps:
        clock += 1
        if step[0] == "put":
            _, task_id, status, missing, calls = step
            entry = Entry(task(task_id, status, rank=calls), clock, missing_since=missing)
            place = ("here", TIER_OF[status])
            places.put(place, entry)
            plain.entries[task_id] = place, entry
        elif step[0] == "remove":
            places.remove(step[1])
            plain.entries.pop(step[1], None)
        elif step[0] == "expire":
            now = float(step[1])
            assert set(places.expired(now, LIFETIMES)) == plain.old(now)
        else:
            publish(places, published)
            assert published == {
                key: (place, entry.task) for key, (place, entry) in plain.entries.items()
            }
        check(places, plain)


def publish(places, published):
    """Apply what changed as whoever renders it does."""
    changes = places.take_changes()
    for place, mine in changes.items():
        for task_id, now in mine.items():
            if now is None and published.get(task_id, (None,))[0] == place:
                del published[task_id]
    for place, mine in changes.items():
        published.update({key: (place, now) for key, now in mine.items() if now is not None})


def check(places, plain):
    assert len(places) == len(plain.entries)
    assert places.counts() == Counter(entry.task.status for _, entry in plain.entries.values())
    for tier in Tier:
        assert dict(places.entries(("here", tier))) == plain.at(("here", tier))
    assert set(places.missing("here")) == {
        key for key, (_, entry) in plain.entries.items() if entry.missing_since is not None
    }
    expiry = places.next_expiry(LIFETIMES)
    real = [entry.seen_at + LIFETIMES[place[1]] for place, entry in plain.entries.values()]
    assert (expiry is None) == (not real)
    # It may be too early, and is then asked again, but never too late.
    assert expiry is None or expiry <= min(real)
