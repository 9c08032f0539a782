"""What scrapes read: parts of accounts, and the picture made of them."""

import asyncio
import gzip
import threading

import pytest

from exporter import store as store_module
from exporter.domain import AccountState
from exporter.exposition import gzip_head, segment
from exporter.families import FAMILIES
from exporter.store import AccountView, Store

CALLS, CUSTOMERS, UP = "outbound_task_calls", "outbound_task_customers", "outbound_account_up"


def chunk(family, account, *values):
    lines = [f'{family}{{account="{account}",n="{n}"}} {value}\n' for n, value in enumerate(values)]
    return {family: (segment("".join(lines).encode(), samples=len(lines)),)}


def text_of(body):
    return b"".join(body.plain).decode()


def lines_of(publication):
    return text_of(publication.body).splitlines()


def heads(publication):
    return [line.split()[2] for line in lines_of(publication) if line.startswith("# TYPE")]


def samples(publication):
    return [line for line in lines_of(publication) if not line.startswith("#")]


@pytest.fixture
def store():
    return Store()


async def test_nothing_is_published_at_first_but_an_empty_picture(store):
    assert store.publication.body.samples == 0
    assert text_of(store.publication.body) == ""
    assert dict(store.publication.accounts) == {}


async def test_a_family_has_its_header_only_where_there_is_data(store):
    store.replace("a", {"part": chunk(CALLS, "a", 1)})
    publication = await store.publish()

    assert heads(publication) == [CALLS]
    help_line, type_line, sample = lines_of(publication)
    assert help_line.startswith(f"# HELP {CALLS} ")
    assert type_line == f"# TYPE {CALLS} gauge"
    assert sample == f'{CALLS}{{account="a",n="0"}} 1'


async def test_a_family_that_only_a_later_account_has_gets_its_header_too(store):
    store.arrange(["first"])
    store.replace("second", {"part": chunk(CUSTOMERS, "second", 1)})
    store.replace("third", {"part": chunk(CUSTOMERS, "third", 1) | chunk(CALLS, "third", 2)})
    publication = await store.publish()

    assert heads(publication) == [CUSTOMERS, CALLS]
    assert len(samples(publication)) == 3


async def test_a_family_that_loses_its_last_series_loses_its_header(store):
    store.replace("a", {"one": chunk(CALLS, "a", 1), "two": chunk(CUSTOMERS, "a", 1)})
    await store.publish()

    store.replace("a", {"one": {}})

    assert heads(await store.publish()) == [CUSTOMERS]


async def test_a_family_without_a_segment_has_no_header(store):
    store.replace("a", {"part": {CALLS: ()}})

    assert text_of((await store.publish()).body) == ""


async def test_each_family_stands_once_in_the_order_of_the_table(store):
    names = [family.name for family in FAMILIES]
    for account in ("b", "a"):
        for part, family in enumerate(reversed(names)):
            store.replace(account, {part: chunk(family, account, 1, 2)})
    publication = await store.publish()

    assert heads(publication) == names
    of_samples = [line.partition("{")[0] for line in samples(publication)]
    assert of_samples == [name for name in names for _ in range(4)]
    accounts = [line.partition('account="')[2][0] for line in samples(publication)]
    assert accounts == ["b", "b", "a", "a"] * len(names)
    assert publication.body.samples == len(of_samples)


async def test_parts_given_together_show_together(store):
    store.replace("a", {"active": chunk(CALLS, "a", 7), "idle": chunk(CALLS, "a")})
    await store.publish()
    seen = []

    store.replace("a", {"active": None, "idle": chunk(CALLS, "a", 7)})
    for _ in range(2):
        seen.append(samples(store.publication))
        await store.publish()

    assert seen == [[f'{CALLS}{{account="a",n="0"}} 7']] * 2


async def test_a_part_is_replaced_whole(store):
    store.replace("a", {"part": chunk(CALLS, "a", 1, 2) | chunk(UP, "a", 1)})
    await store.publish()

    store.replace("a", {"part": chunk(CALLS, "a", 3)})

    assert samples(await store.publish()) == [f'{CALLS}{{account="a",n="0"}} 3']


async def test_removing_a_part_that_is_not_there_is_no_fault(store):
    store.replace("a", {"part": None})

    assert samples(await store.publish()) == []


async def test_other_parts_and_accounts_stay_as_they_are(store):
    store.replace("a", {"one": chunk(CALLS, "a", 1), "two": chunk(UP, "a", 1)})
    store.replace("b", {"one": chunk(CALLS, "b", 1)})
    before = await store.publish()

    store.replace("a", {"one": chunk(CALLS, "a", 2)})
    after = await store.publish()

    assert after.accounts["b"] is before.accounts["b"]
    assert set(samples(after)) - set(samples(before)) == {f'{CALLS}{{account="a",n="0"}} 2'}
    assert len(samples(after)) == 3


async def test_an_account_is_known_in_its_place_before_it_has_a_series(store):
    store.arrange(["a", "b"])
    store.replace("b", {"part": chunk(CALLS, "b", 1)})
    store.replace("a", {"part": chunk(CALLS, "a", 1)})

    assert list((await store.publish()).accounts) == ["a", "b"]


async def test_accounts_are_arranged_anew_and_keep_their_series(store):
    store.arrange(["a", "b", "gone"])
    for name in ("a", "b", "gone"):
        store.replace(name, {"part": chunk(CALLS, name, 1)})
    before = await store.publish()

    store.arrange(["b", "new", "a"])
    await asyncio.wait_for(store.changed(), 10)
    publication = await store.publish()

    assert list(publication.accounts) == ["b", "new", "a"]
    assert samples(publication) == [f'{CALLS}{{account="{name}",n="0"}} 1' for name in "ba"]
    assert publication.accounts["a"] is before.accounts["a"]


async def test_an_account_that_is_renewed_keeps_its_picture_until_the_next_one_is_whole(store):
    store.replace("a", {"one": chunk(CALLS, "a", 1), "two": chunk(UP, "a", 1)})
    before = samples(await store.publish())

    store.renew("a")
    assert samples(await store.publish()) == before

    store.replace("a", {"three": chunk(UP, "a", 0)})
    assert samples(await store.publish()) == [f'{UP}{{account="a",n="0"}} 0']
    store.replace("a", {"four": chunk(CALLS, "a", 2)})
    assert len(samples(await store.publish())) == 2


async def test_an_account_that_is_renewed_and_removed_has_nothing_left_to_drop(store):
    store.replace("a", {"one": chunk(CALLS, "a", 1)})
    store.renew("a")
    store.remove("a")
    store.replace("a", {"one": chunk(CALLS, "a", 2)})
    store.replace("a", {"two": chunk(UP, "a", 1)})

    assert len(samples(await store.publish())) == 2


async def test_two_who_publish_at_once_lose_nothing(store, monkeypatch):
    monkeypatch.setattr("exporter.store._FEW_PIECES", 0)
    store.replace("a", {"part": chunk(CALLS, "a", 1)})
    first = asyncio.ensure_future(store.publish())
    await asyncio.sleep(0)
    store.replace("b", {"part": chunk(CALLS, "b", 1)})
    await asyncio.gather(first, store.publish())

    assert list(store.publication.accounts) == ["a", "b"]
    assert len(samples(store.publication)) == 2


async def test_a_removed_account_leaves_nothing_behind(store):
    for name in ("a", "b"):
        store.replace(name, {"part": chunk(CALLS, name, 1)})
        store.views[name] = AccountView(name, "p", AccountState(None, {}, {}, {}))
    store.replace("a", {"state": chunk(UP, "a", 1)})
    await store.publish()

    store.remove("a")
    publication = await store.publish()

    assert list(publication.accounts) == ["b"] == list(store.views)
    assert heads(publication) == [CALLS]
    assert samples(publication) == [f'{CALLS}{{account="b",n="0"}} 1']


async def test_an_account_that_comes_back_has_nothing_of_before(store):
    store.replace("a", {"part": chunk(CALLS, "a", 1)})
    await store.publish()

    store.remove("a")
    store.replace("a", {"other": chunk(UP, "a", 1)})

    assert heads(await store.publish()) == [UP]


async def test_removing_an_account_that_is_not_there_is_no_fault(store):
    store.remove("nobody")

    assert samples(await store.publish()) == []


async def test_a_reader_keeps_the_picture_that_it_took(store):
    store.replace("a", {"part": chunk(CALLS, "a", 1)})
    taken = await store.publish()
    text = text_of(taken.body)

    store.replace("a", {"part": chunk(CALLS, "a", 2)})
    store.arrange(["b"])
    await store.publish()

    assert store.publication is not taken
    assert text_of(taken.body) == text
    assert list(taken.accounts) == ["a"]
    with pytest.raises(TypeError):
        taken.accounts["c"] = {}


async def test_a_publication_can_be_narrowed_to_accounts_in_their_own_order(store):
    for name in ("a", "b", "c"):
        store.replace(name, {"part": chunk(CALLS, name, 1) | chunk(UP, name, 1)})
    publication = await store.publish()

    for names in (["c", "a"], ("a", "nobody", "c", "c"), iter(["a", "c"])):
        text = text_of(publication.of(names))
        assert text.count("# TYPE") == 2
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert [line.partition('account="')[2][0] for line in lines] == ["a", "c", "a", "c"]
    assert text_of(publication.of([])) == ""


async def test_the_picture_is_one_gzip_stream(store):
    for name in ("a", "b"):
        store.replace(name, {"part": chunk(CALLS, name, *range(100))})
    body = (await store.publish()).body

    stream = gzip_head() + b"".join(body.deflated) + body.gzip_tail(b"")
    assert gzip.decompress(stream) == text_of(body).encode()


class Held:
    """Holds the joining of a publication in its thread until it is let go."""

    def __init__(self, monkeypatch):
        self._loop = asyncio.get_running_loop()
        self._join = store_module._publication
        self._go = threading.Event()
        self.begun = asyncio.Event()
        monkeypatch.setattr(store_module, "_publication", self._held)

    def _held(self, *arguments):
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self._go.wait(10)
        return self._join(*arguments)

    def let_go(self):
        self._go.set()


async def test_what_changes_during_a_publication_is_in_the_next_one(store, monkeypatch):
    monkeypatch.setattr(store_module, "_FEW_PIECES", 0)
    store.replace("a", {"part": chunk(CALLS, "a", 1)})
    store.replace("gone", {"part": chunk(CALLS, "gone", 1)})
    held = Held(monkeypatch)
    publishing = asyncio.ensure_future(store.publish())
    await asyncio.wait_for(held.begun.wait(), 10)

    store.replace("a", {"part": chunk(CALLS, "a", 2)})
    store.arrange(["a", "new"])
    assert samples(store.publication) == []
    held.let_go()

    first = await publishing
    assert samples(first) == [f'{CALLS}{{account="{name}",n="0"}} 1' for name in ("a", "gone")]
    await asyncio.wait_for(store.changed(), 10)
    second = await store.publish()
    assert samples(second) == [f'{CALLS}{{account="a",n="0"}} 2']
    assert list(second.accounts) == ["a", "new"]


async def test_there_is_something_to_publish_only_after_a_change(store):
    store.arrange(["a"])
    await asyncio.wait_for(store.changed(), 10)
    await store.publish()

    waiting = asyncio.ensure_future(store.changed())
    await asyncio.sleep(0)
    assert not waiting.done()
    store.replace("a", {})
    await asyncio.wait_for(waiting, 10)


async def test_everybody_who_waits_is_told_of_the_next_publication(store):
    waiting = [asyncio.ensure_future(store.published()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiting)

    await store.publish()

    await asyncio.wait_for(asyncio.gather(*waiting), 10)
