"""A pass over a list is whole, or it is an error."""

import asyncio

import pytest

from exporter.domain import Progress, Scope, Status, Tier
from exporter.errors import PollError, Reason
from exporter.poller.reading import Reader
from exporter.source import Abilities, Page, queries
from tests.fakes import no_random
from tests.poller.making import FILTERABLE, Clock, Meter, Vendor, settled, task

ONE_QUERY = {"statuses_per_query": None, "page_size": 2}


class Script(Vendor):
    """A vendor that answers with these pages, whatever is asked; the last one again and again."""

    def __init__(self, *pages, **abilities):
        super().__init__(**{**ONE_QUERY, **abilities})
        self.pages = list(pages)

    async def page(self, _, number, **__):
        self.calls.append(("page", number))
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(page, PollError):
            raise page
        return page


def page(*ids, total=None, nameless=0):
    return Page(tuple(task(each) for each in ids), total, nameless)


async def read(vendor, tier=Tier.ACTIVE, *, meter=None, since=None):
    clock = Clock()
    reader = Reader(vendor, clock=clock, random=no_random, meter=meter or Meter())
    reading = asyncio.create_task(reader.read(Scope(), tier, created_since=since))
    for _ in range(20):
        await settled()
        if reading.done():
            break
        await clock.advance(1)
    return await reading


async def test_a_list_is_whole_when_its_total_is_reached():
    vendor = Script(page("a", "b", total=3), page("c", total=3))
    assert set((await read(vendor)).sightings) == {"a", "b", "c"}
    assert vendor.asked("page") == [1, 2]


async def test_an_empty_list_is_one_call():
    vendor = Script(page(total=0))
    assert (await read(vendor)).sightings == {}
    assert vendor.asked("page") == [1]


async def test_without_a_total_a_list_ends_with_an_empty_page():
    vendor = Script(page("a", "b"), page("c"), page())
    assert set((await read(vendor)).sightings) == {"a", "b", "c"}
    assert vendor.asked("page") == [1, 2, 3]


async def test_without_a_total_a_list_may_be_long():
    vendor = Script(*(page(f"{number}") for number in range(40)), page())
    assert len((await read(vendor)).sightings) == 40


async def test_a_short_page_ends_nothing_while_the_total_says_more():
    vendor = Script(page("a", total=3), page("b", total=3), page("c", total=3))
    assert set((await read(vendor)).sightings) == {"a", "b", "c"}


async def test_rows_without_an_id_count_for_the_total():
    vendor = Script(page("a", total=3, nameless=1), page("b", total=3))
    assert set((await read(vendor)).sightings) == {"a", "b"}
    assert vendor.asked("page") == [1, 2]


async def test_a_page_that_brings_nothing_new_is_read_again_and_then_an_error():
    vendor = Script(page("a", "b", total=3))
    with pytest.raises(PollError, match="paging does not end") as caught:
        await read(vendor)
    assert caught.value.reason is Reason.PROTOCOL
    assert vendor.asked("page") == [1, 2, 2, 2]


async def test_a_page_that_is_empty_once_is_read_again_in_its_place():
    vendor = Script(page("a", "b", total=3), page(total=3), page("c", total=3))
    assert set((await read(vendor)).sightings) == {"a", "b", "c"}


async def test_paging_that_never_ends_is_ended():
    vendor = Vendor(**ONE_QUERY)

    async def endless(query, number, *, priority):
        vendor.calls.append(("page", number))
        return page(f"a{number}", f"b{number}", total=10 + 2 * number)

    vendor.page = endless
    with pytest.raises(PollError, match="paging does not end"):
        await read(vendor)
    assert vendor.count("page") < 100


async def test_a_list_whose_rows_move_is_passed_over_again():
    moved = [page("a", "b", total=4), page("b", "c", total=4), page("d", total=4)]
    still = [page("x", "a", total=4), page("b", "c", total=4)]
    vendor = Script(*moved, *still)
    assert set((await read(vendor)).sightings) == {"x", "a", "b", "c"}
    assert vendor.asked("page") == [1, 2, 3, 1, 2]


async def test_a_list_that_a_row_left_for_a_page_read_before_is_passed_over_again():
    gap = [page("a", "b", total=5), page("b", "c", total=5), page("d", total=5)]
    still = [page("e", "a", total=5), page("b", "c", total=5), page("d", total=5)]
    vendor = Script(*gap, *[page(total=5)] * 3, *still)
    assert set((await read(vendor)).sightings) == {"a", "b", "c", "d", "e"}
    assert vendor.asked("page") == [1, 2, 3, 4, 4, 4, 1, 2, 3]


async def test_a_list_that_has_a_gap_at_every_pass_is_an_error():
    gap = [page("a", "b", total=5), page("b", "c", total=5), page("d", total=5)]
    vendor = Script(*([*gap, *[page(total=5)] * 3] * 3))
    with pytest.raises(PollError, match="paging does not end"):
        await read(vendor)
    assert len(vendor.asked("page")) == 18


async def test_a_total_that_shrinks_is_followed_and_the_list_passed_over_again():
    vendor = Script(page("a", "b", total=3), page(total=2), page("a", "b", total=2))
    assert set((await read(vendor)).sightings) == {"a", "b"}
    assert vendor.asked("page") == [1, 2, 1]


async def test_of_a_list_that_never_holds_still_all_that_was_seen_is_kept():
    passes = [
        each
        for first, second in (("a", "b"), ("b", "c"), ("c", "d"))
        for each in (page(first, total=1 + len(first)), page(second, total=3), page("e", total=3))
    ]
    vendor = Script(*passes)
    assert set((await read(vendor)).sightings) == {"a", "b", "c", "d", "e"}


def named(*rows, total=None):
    """A page of tasks by id and name."""
    return Page(tuple(task(task_id, name=name) for task_id, name in rows), total)


TWO_IN_ONE = named(("a", "mine"), ("a", "yours"), total=1)


@pytest.mark.parametrize("total", [1, 2, None])
async def test_a_page_on_which_one_id_stands_for_two_tasks_is_an_error(total):
    doubled = named(("a", "mine"), ("a", "yours"), total=total)
    vendor = Script(doubled, doubled, doubled, page())
    with pytest.raises(PollError, match="page 1 has two tasks with one id") as caught:
        await read(vendor)
    assert caught.value.reason is Reason.PROTOCOL
    assert vendor.asked("page") == [1, 1, 1]


async def test_rows_that_differ_in_a_count_alone_are_two_tasks_too():
    fewer = task("a", progress=Progress(customers=1))
    vendor = Script(Page((task("a"), fewer), 1))
    with pytest.raises(PollError, match="two tasks with one id"):
        await read(vendor)


async def test_a_page_that_is_at_odds_with_itself_once_is_read_again_and_costs_nothing():
    vendor = Script(TWO_IN_ONE, TWO_IN_ONE, named(("a", "mine"), ("b", "yours"), total=2))
    found = (await read(vendor)).sightings
    assert {key: seen.task.name for key, seen in found.items()} == {"a": "mine", "b": "yours"}
    assert vendor.asked("page") == [1, 1, 1]


async def test_a_row_that_comes_twice_and_says_the_same_is_one_task():
    vendor = Script(named(("a", "mine"), ("a", "mine"), ("b", "yours"), total=2))
    assert set((await read(vendor)).sightings) == {"a", "b"}


async def test_one_id_that_stands_for_two_tasks_of_two_pages_is_an_error():
    pages = [named(("a", "mine"), total=2), named(("a", "yours"), ("b", "b"), total=2)]
    vendor = Script(*pages * 3)
    with pytest.raises(PollError, match="one id stands for tasks of two names") as caught:
        await read(vendor)
    assert caught.value.reason is Reason.PROTOCOL
    assert vendor.asked("page") == [1, 2] * 3


async def test_a_task_that_is_renamed_while_its_list_is_read_is_read_again():
    renamed = [named(("a", "old"), total=2), named(("a", "new"), ("b", "b"), total=2)]
    still = [named(("a", "new"), ("b", "b"), total=2)]
    found = (await read(Script(*renamed, *still))).sightings
    assert {key: seen.task.name for key, seen in found.items()} == {"a": "new", "b": "b"}


@pytest.mark.parametrize("reason", [Reason.UNAVAILABLE, Reason.RATE_LIMITED])
async def test_a_page_that_fails_in_passing_is_asked_for_again(reason):
    vendor, meter = Script(PollError(reason, ""), page("a", total=1)), Meter()
    assert set((await read(vendor, meter=meter)).sightings) == {"a"}
    assert meter.retries.total() == 1


async def test_a_page_is_not_asked_for_again_for_ever():
    vendor = Script(PollError(Reason.UNAVAILABLE, ""))
    with pytest.raises(PollError):
        await read(vendor)
    assert vendor.asked("page") == [1, 1, 1, 1]


async def test_a_long_list_of_which_a_page_fails_now_and_then_is_read_to_its_end():
    rows = [task(str(number)) for number in range(400)]
    vendor = Vendor(*rows, statuses_per_query=None, page_size=2)
    vendor.fault = lambda *_: (
        PollError(Reason.RATE_LIMITED, "") if len(vendor.calls) % 30 == 0 else None
    )
    meter = Meter()
    assert len((await read(vendor, meter=meter)).sightings) == 400
    assert meter.retries.total() == 6


@pytest.mark.parametrize("reason", [Reason.AUTH, Reason.PROTOCOL, Reason.CONFIG, Reason.CLOCK])
async def test_what_a_retry_would_not_mend_is_not_retried(reason):
    vendor = Script(PollError(reason, ""))
    with pytest.raises(PollError):
        await read(vendor)
    assert vendor.count("page") == 1


async def test_a_failure_of_one_of_the_lists_of_a_tier_fails_its_reading():
    vendor = Script(page("a", total=1), PollError(Reason.PROTOCOL, ""), statuses_per_query=1)
    with pytest.raises(PollError):
        await read(vendor)


async def test_tasks_read_by_name_are_asked_for_again_when_they_fail_in_passing():
    vendor, clock, meter = Vendor(task("a")), Clock(), Meter()
    errors = [PollError(Reason.UNAVAILABLE, "")]
    vendor.fault = lambda *_: errors.pop() if errors else None
    reader = Reader(vendor, clock=clock, random=no_random, meter=meter)
    wanted = [task("a"), task("b")]
    reading = asyncio.create_task(reader.read_fixed(Scope(), Tier.ACTIVE, wanted))
    await settled()
    await clock.advance(1)
    result = await reading
    assert set(result.sightings) == {"a"}
    assert result.gone == {"b"}
    assert meter.retries.total() == 1


def asked(abilities, tier):
    return [query.statuses for query in queries(abilities, Scope(), tier, None)]


def test_a_tier_is_asked_for_in_as_few_queries_as_the_vendor_can():
    many = Abilities(statuses=FILTERABLE, page_size=10)
    single = Abilities(statuses=FILTERABLE, page_size=10, statuses_per_query=1)
    active = {Status.RUNNING, Status.SCHEDULING, Status.INITIALIZING}
    assert asked(many, Tier.ACTIVE) == [active]
    assert sorted(map(list, asked(single, Tier.ACTIVE))) == sorted([each] for each in active)


def test_a_vendor_that_cannot_filter_is_read_whole():
    nothing = Abilities(statuses=frozenset(), page_size=10)
    assert asked(nothing, Tier.ACTIVE) == [None]


def test_a_tier_none_of_whose_statuses_can_be_filtered_has_no_list():
    some = Abilities(statuses=frozenset({Status.RUNNING}), page_size=10)
    assert asked(some, Tier.IDLE) == []


async def count(vendor, read):
    reader = Reader(vendor, clock=vendor.clock or Clock(), random=no_random, meter=Meter())
    vendor.clock = None
    return await reader.unclassified(Scope(), read=read, created_since=None)


async def test_tasks_that_no_filter_finds_are_counted():
    vendor = Vendor(task("a"), task("b", Status.UNKNOWN), task("c", Status.PAUSED))
    assert await count(vendor, read=2) == 1
    assert await count(vendor, read=3) == 0


async def test_where_the_totals_agree_one_call_is_enough():
    vendor = Vendor(task("a"), task("c", Status.PAUSED))
    assert await count(vendor, read=2) == 0
    assert vendor.count("total") == 1


async def test_a_task_that_is_new_is_not_one_that_no_filter_finds():
    vendor = Vendor(task("a"), task("new", Status.DRAFT))
    assert await count(vendor, read=1) == 0


async def test_a_vendor_that_does_not_count_its_lists_counts_nothing_unclassified():
    assert await count(Script(page("a")), read=2) is None
