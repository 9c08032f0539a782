"""From the book to the store: all at once, nothing twice, and what did not change is kept."""

import asyncio

import msgspec
import pytest

from exporter.domain import Concurrency, Schedule, Scope, Status, Tier, Window
from exporter.poller import publisher as module
from exporter.poller.blocks import BLOCK_TASKS
from tests.poller.making import Rig, Vendor, settled, task

HERE = Scope("here", "Here")
DAY = 86400
WALL = 1_760_000_000.0


class Bench:
    """A publisher by itself, without loops."""

    def __init__(self, **account):
        self.rig = Rig(Vendor(scopes=(HERE,)), **account)
        self.book, self.shelf = self.rig.book, self.rig.shelf
        self.rig.context.scopes = {"here": HERE}

    def see(self, *tasks, at=1.0):
        for each in tasks:
            self.book.see(HERE, each, at, now=WALL)

    async def publish(self, *, now=WALL, **others):
        await self.rig.publisher.publish(
            self.rig.context.scopes, self.rig.context.state, now=now, **others
        )

    def blocks(self, tier=Tier.ACTIVE):
        return [block.chunks for block in self.rig.publisher._blocks["here", tier]]

    def clocks(self, tier=Tier.ACTIVE):
        return [block.clock for block in self.rig.publisher._blocks["here", tier]]


def at(hour, minute=0):
    """A moment of the test's day, in Shanghai."""
    midnight = WALL - (WALL + 8 * 3600) % DAY
    return midnight + hour * 3600 + minute * 60


def hours(start, end):
    return Schedule(
        zone="Asia/Shanghai",
        windows=(Window(round(start * 3600), round(end * 3600)),),
        end=at(24) + DAY,
    )


async def test_a_task_that_moves_leaves_one_place_and_enters_the_other_in_one_replacement():
    bench = Bench()
    bench.see(task("a"), task("b"))
    await bench.publish()
    bench.see(task("a", Status.PAUSED), at=2.0)
    await bench.publish()
    assert {("here", Tier.ACTIVE), ("here", Tier.IDLE)} <= set(bench.shelf.replaced[-1])
    assert bench.shelf.exposed() == {"a": Status.PAUSED, "b": Status.RUNNING}


async def test_a_task_that_moves_while_it_is_rendered_is_there_exactly_once_all_the_time():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(200)))
    bench.shelf.watch = lambda: pictures.append(bench.shelf.exposed())
    pictures = []
    first = asyncio.create_task(bench.publish())
    for step in range(40):
        await asyncio.sleep(0)
        bench.see(task("t0", (Status.PAUSED, Status.RUNNING)[step % 2]), at=2.0 + step)
    await first
    await bench.publish()
    assert len(pictures) == 2
    assert all(len(picture) == 200 for picture in pictures)
    assert pictures[-1]["t0"] is Status.RUNNING


async def test_blocks_of_tasks_that_did_not_change_keep_their_bytes():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(2 * BLOCK_TASKS + 1)))
    await bench.publish()
    before = bench.blocks()
    bench.see(task("t0", name="other"), at=2.0)
    await bench.publish()
    after = bench.blocks()
    assert len(before) == len(after) == 3
    assert after[0] is not before[0]
    assert after[1] is before[1]
    assert after[2] is before[2]


async def test_a_task_that_leaves_changes_its_block_and_no_other():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(3 * BLOCK_TASKS)))
    await bench.publish()
    before = bench.blocks()
    bench.book.drop("t3")
    await bench.publish()
    after = bench.blocks()
    assert [one is other for one, other in zip(before, after, strict=True)] == [False, True, True]
    assert len(bench.shelf.exposed()) == 3 * BLOCK_TASKS - 1


async def test_calls_at_once_of_many_tasks_are_rendered_in_steps_and_all_are_there(monkeypatch):
    bench = Bench(collect=("concurrency",))
    monkeypatch.setattr(module, "STEP_CONCURRENCY", 10)
    steps = []
    render = bench.rig.publisher._renderer.concurrency
    monkeypatch.setattr(
        bench.rig.publisher._renderer,
        "concurrency",
        lambda rows: steps.append(len(rows)) or render(rows),
    )
    rows = tuple((f"t{number}", "name", Concurrency(current=number)) for number in range(25))

    await bench.publish(concurrency=lambda: {"here": rows})

    assert steps == [10, 10, 5]
    for number in range(25):
        found = bench.shelf.value("outbound_task_concurrency", task_id=f"t{number}")
        assert found == number


async def test_a_task_that_comes_takes_the_place_of_one_that_left():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(2 * BLOCK_TASKS)))
    await bench.publish()
    bench.book.drop("t3")
    bench.see(task("new"))
    await bench.publish()
    assert len(bench.blocks()) == 2
    assert "new" in bench.shelf.exposed()


async def test_blocks_that_are_nearly_empty_become_one_and_empty_ones_go():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(4 * BLOCK_TASKS)))
    await bench.publish()
    for number in range(4 * BLOCK_TASKS):
        if number % BLOCK_TASKS > 20:
            bench.book.drop(f"t{number}")
    await bench.publish()
    assert len(bench.blocks()) == 1
    assert len(bench.shelf.exposed()) == 4 * 21
    for number in range(4 * BLOCK_TASKS):
        bench.book.drop(f"t{number}")
    await bench.publish()
    assert bench.blocks() == []
    assert bench.shelf.exposed() == {}


async def test_a_new_minute_renders_only_calling_hours_that_came_to_something_else():
    bench = Bench()
    over = msgspec.structs.replace(hours(9, 18), end=at(0))
    bench.see(*(task(f"t{number}", schedule=over) for number in range(BLOCK_TASKS)))
    bench.see(task("u", schedule=hours(9, 18)))
    await bench.publish(now=at(10))
    before = bench.clocks()
    await bench.publish(now=at(10, 1), clock_moved=True)
    after = bench.clocks()
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, False]


async def test_nothing_dirty_is_nothing_to_replace_but_the_state():
    bench = Bench()
    bench.see(task("a"))
    await bench.publish()
    await bench.publish()
    assert set(bench.shelf.replaced[-1]) == {"state"}


async def test_an_instance_that_is_renamed_is_rendered_again():
    bench = Bench()
    bench.see(task("a"))
    await bench.publish()
    assert 'instance_name="Here"' in bench.shelf.info()[0]
    bench.rig.context.scopes = {"here": Scope("here", "There")}
    await bench.publish(clock_moved=True)
    assert 'instance_name="There"' in bench.shelf.info()[0]


async def test_windows_open_and_close_at_their_edges_and_not_before():
    bench = Bench()
    bench.see(task("a", schedule=hours(9, 18)))
    family = "outbound_task_calling_window_open"
    for moment, is_open in ((at(9) - 1, 0), (at(9), 1), (at(18) - 1, 1), (at(18), 0)):
        await bench.publish(now=moment, clock_moved=True)
        assert bench.shelf.value(family) == is_open
    await bench.publish(now=at(8, 59) + 30, clock_moved=True)
    assert bench.rig.publisher.next_edge == at(9)
    await bench.publish(now=at(9), clock_moved=True)
    assert bench.rig.publisher.next_edge is None, "none within the minute"


async def test_the_next_edge_is_the_first_of_all_tasks_whichever_was_published_last():
    bench = Bench()
    moment = at(8, 59)
    bench.see(task("a", schedule=hours(9, 18)))
    await bench.publish(now=moment + 10)
    bench.see(task("p", Status.PAUSED, schedule=hours(9 - 1 / 180, 18)))
    await bench.publish(now=moment + 11)
    assert bench.rig.publisher.next_edge == at(9) - 20
    bench.see(task("c", Status.COMPLETED, schedule=hours(8, 9)))
    await bench.publish(now=moment + 12)
    assert bench.rig.publisher.next_edge == at(9) - 20


async def test_the_page_shows_some_tasks_the_active_ones_first_then_the_newest():
    bench = Bench()
    bench.see(task("old", rank=1), task("new", rank=2))
    bench.see(*(task(f"f{number}", Status.COMPLETED, rank=number) for number in range(99)))
    await bench.publish()
    shown = [each.id for each in bench.shelf.views["acme"].tasks]
    assert shown[:4] == ["new", "old", "f98", "f97"]
    assert len(shown) == module.SHOWN_TASKS


async def test_a_publication_that_fails_leaves_the_picture_and_is_made_up_for(monkeypatch):
    bench = Bench()
    bench.see(task("a"), task("b"))
    await bench.publish()
    good = bench.rig.publisher._renderer

    class Broken:
        follows_clock = True
        state = good.state

        def tasks(self, *_):
            raise ZeroDivisionError

    bench.see(task("a", Status.PAUSED), at=2.0)
    bench.rig.publisher._renderer = Broken()
    with pytest.raises(ZeroDivisionError):
        await bench.publish()
    assert bench.shelf.exposed()["a"] is Status.RUNNING
    bench.rig.publisher._renderer = good
    await bench.publish()
    assert bench.shelf.exposed() == {"a": Status.PAUSED, "b": Status.RUNNING}


async def test_a_publication_that_is_cancelled_frees_the_lock_and_loses_nothing():
    bench = Bench()
    bench.see(*(task(f"t{number}") for number in range(300)))
    for steps in range(1, 12):
        publishing = asyncio.create_task(bench.publish())
        for _ in range(steps):
            await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.wait([publishing])
    await settled()
    await bench.publish()
    assert len(bench.shelf.exposed()) == 300


async def test_a_rename_outlives_a_publication_that_fails_after_it_was_rendered(monkeypatch):
    bench = Bench()
    bench.see(task("a"), task("b", Status.PAUSED))
    await bench.publish()
    bench.rig.context.scopes = {"here": Scope("here", "New")}

    async def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(bench.rig.publisher, "_replace", broken)
        with pytest.raises(ZeroDivisionError):
            await bench.publish(clock_moved=True)
    await bench.publish()
    assert all('instance_name="New"' in line for line in bench.shelf.info())
