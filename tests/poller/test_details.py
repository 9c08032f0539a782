"""Which tasks need their detail, and how a few that fail keep nobody waiting."""

import pytest

from exporter.domain import Info, Progress, Scope, Settings, Status, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.details import Detail, carried, due_at, has_counts, merged
from exporter.schedule import SLOW_RETRY_SECONDS
from tests.poller.making import ACTIVE, COUNTS, FINISHED, IDLE, Rig, Vendor, no_fault, task

REFRESH = 43200.0


def due(tier, *, at=None, modified=None, then=None, counted=True):
    detail = None if at is None else Detail(task("a", modified=then), at)
    now = task("a", modified=modified)
    return due_at(now, tier, detail, counted=counted, refresh=REFRESH, active=ACTIVE)


@pytest.mark.parametrize("tier", Tier)
def test_a_detail_is_due_on_sight(tier):
    assert due(tier) == 0.0


def test_a_finished_task_has_its_detail_once():
    assert due(Tier.FINISHED, at=5.0, modified=9.0, then=1.0) is None


@pytest.mark.parametrize("tier", [Tier.ACTIVE, Tier.IDLE])
def test_a_detail_is_due_again_after_the_refresh_or_ten_minutes_after_it_when_modified(tier):
    assert due(tier, at=5.0) == 5.0 + REFRESH
    assert due(tier, at=5.0, modified=9.0, then=1.0) == 605.0
    assert due(tier, at=5.0, modified=1.0, then=1.0) == 5.0 + REFRESH


def test_a_row_that_does_not_tell_when_it_was_modified_was_not_modified():
    assert due(Tier.ACTIVE, at=5.0, modified=None, then=1.0) == 5.0 + REFRESH


def test_only_active_tasks_without_counts_are_due_at_the_active_interval():
    assert due(Tier.ACTIVE, at=5.0, counted=False) == 5.0 + ACTIVE
    assert due(Tier.IDLE, at=5.0, counted=False) == 5.0 + REFRESH


def test_a_row_is_merged_with_what_only_its_detail_tells():
    row = task("a", Status.PAUSED, info=Info(script_name="new"))
    told = task(
        "a", info=Info(script_name="old", priority="1"), settings=Settings(), progress=Progress()
    )
    whole = merged(row, Detail(told, 0.0))
    assert whole.status is Status.PAUSED
    assert (whole.info.script_name, whole.info.priority) == ("new", "1")
    assert whole.progress == COUNTS
    assert whole.settings == Settings()


def test_a_count_of_nought_is_a_count():
    nought = Progress(customers=0, executing=0)
    assert has_counts(nought)
    assert carried(task("a", progress=nought), task("a")).progress.customers == 0


def test_a_row_without_counts_by_state_keeps_its_own_others():
    row = task("a", progress=Progress(customers=9, calls=4))
    told = task("a", progress=Progress(customers=1, executing=2), settings=Settings())
    assert merged(row, Detail(told, 0.0)).progress == Progress(customers=9, calls=4, executing=2)


def vendor(*rows, **fields):
    return Vendor(*rows, details=True, statuses_per_query=None, page_size=100, **fields)


def failing(reason, *ids):
    """A fault of the detail of these tasks, of all without an id."""

    def fault(operation, about):
        if operation == "find" and (not ids or about in ids):
            return PollError(reason, "", code="x")
        return None

    return fault


def detailed(rig):
    return {
        line.split('task_id="')[1].split('"')[0]
        for line in rig.shelf.lines("outbound_task_max_ringing_seconds")
    }


async def test_details_come_active_tasks_first_and_finished_last():
    rows = [task("f", Status.COMPLETED), task("i", Status.PAUSED), task("a"), task("b")]
    async with Rig(vendor(*rows)) as rig:
        await rig.forward(1)
        assert rig.vendor.asked("find") == ["a", "b", "i", "f"]
        assert detailed(rig) == {"a", "b", "f", "i"}
        assert rig.state.details_outstanding == 0
        await rig.forward(500)
        assert rig.vendor.count("find") == 4


async def test_a_modified_task_is_described_again_but_at_most_every_ten_minutes():
    async with Rig(vendor(task("a", modified=1.0), task("b", modified=1.0))) as rig:
        for minute in range(25):
            rig.vendor.change("a", modified=2.0 + minute)
            await rig.forward(60)
        assert rig.vendor.asked("find").count("b") == 1
        assert rig.vendor.asked("find").count("a") == 3


async def test_active_tasks_whose_rows_lack_counts_are_described_each_active_interval():
    rows = [
        task("a", progress=Progress()),
        task("p", Status.PAUSED, progress=Progress()),
        task("c"),
    ]
    async with Rig(vendor(*rows)) as rig:
        await rig.forward(10 * ACTIVE + 5)
        assert rig.vendor.asked("find").count("a") in {10, 11}
        assert rig.vendor.asked("find").count("p") == 1
        assert rig.vendor.asked("find").count("c") == 1


async def test_without_schedule_and_settings_only_missing_counts_are_asked_for():
    rows = [task("a", progress=Progress()), task("c"), task("p", Status.PAUSED)]
    async with Rig(vendor(*rows), collect=("progress",)) as rig:
        await rig.forward(1)
        assert set(rig.vendor.asked("find")) == {"a"}


@pytest.mark.parametrize("reason", [Reason.PROTOCOL, Reason.CONFIG, Reason.UNAVAILABLE])
async def test_a_detail_that_always_fails_starves_no_other(reason):
    rows = [task(f"t{number:02}") for number in range(60)]
    world = vendor(*rows)
    world.fault = failing(reason, "t00", "t01")
    async with Rig(world, random=lambda: 0.5) as rig:
        await rig.forward(60)
        assert detailed(rig) == {row.id for row in rows[2:]}
        assert rig.state.details_outstanding == 2
        assert rig.state.collectors_up == (("detail", False),)
        assert rig.state.up is True
        calls = rig.vendor.count("find")
        await rig.forward(3600)
        assert rig.vendor.count("find") - calls < 60, "what fails is put off"
        world.fault = failing(reason, "nobody")
        await rig.forward(IDLE * 1.1)
        assert rig.state.details_outstanding == 0
        assert rig.state.collectors_up == (("detail", True),)
        assert rig.reasons() == set()


async def test_a_bug_in_one_detail_ends_neither_the_loop_nor_the_other_details():
    def broken(operation, about):
        return ZeroDivisionError() if operation == "find" and about == "a" else None

    world = vendor(task("a"), task("b"))
    world.fault = broken
    async with Rig(world) as rig:
        await rig.forward(30)
        assert detailed(rig) == {"b"}
        assert rig.reasons() == {"bug"}


async def test_forbidden_details_are_tried_again_slowly_whatever_else_is_read():
    world = vendor(*(task(f"t{number}") for number in range(9)))
    world.fault = failing(Reason.PERMISSION)
    async with Rig(world) as rig:
        await rig.forward(SLOW_RETRY_SECONDS - 10)
        assert rig.vendor.count("find") == 1
        await rig.forward(SLOW_RETRY_SECONDS)
        assert rig.vendor.count("find") == 2
        assert rig.state.up is True
        assert rig.reasons() == {"permission"}
        world.fault = no_fault
        await rig.forward(SLOW_RETRY_SECONDS)
        assert len(detailed(rig)) == 9
        assert rig.reasons() == set()


async def test_wrong_credentials_stop_all_details_for_long():
    world = vendor(*(task(f"t{number}") for number in range(9)))
    world.fault = failing(Reason.AUTH)
    async with Rig(world) as rig:
        await rig.forward(SLOW_RETRY_SECONDS - 10)
        assert rig.vendor.count("find") == 1


async def test_details_of_a_vendor_that_is_down_are_asked_for_ever_more_slowly():
    world = vendor(*(task(f"t{number:03}") for number in range(200)))
    world.fault = failing(Reason.UNAVAILABLE)
    async with Rig(world, random=lambda: 0.9) as rig:
        await rig.forward(600)
        assert rig.vendor.count("find") < 25


@pytest.mark.parametrize("error", [PollError(Reason.PERMISSION, ""), ScopeGone(Reason.CONFIG, "")])
async def test_what_fails_in_one_scope_leaves_the_details_of_the_others(error):
    here, there = Scope("here"), Scope("there")
    world = vendor(scopes=(here, there))
    world.put(*(task(f"h{number}") for number in range(30)), scope="here")
    world.put(*(task(f"t{number}") for number in range(30)), scope="there")
    world.fault = lambda operation, about: (
        error if operation == "find" and about.startswith("h") else None
    )
    async with Rig(world) as rig:
        await rig.forward(5)
        assert detailed(rig) == {f"t{number}" for number in range(30)}
        assert rig.state.collectors_up == (("detail", False),)


async def test_a_task_that_goes_while_its_detail_is_fetched_does_not_come_back():
    world = vendor(task("a"))
    async with Rig(world) as rig:
        await rig.forward(1)
        rig.vendor.put(task("b"))
        await rig.forward(ACTIVE - 2)
        world.between = lambda: rig.book.drop("b") if world.calls[-1] == ("find", "b") else None
        await rig.forward(5)
        assert ("find", "b") in world.calls
        assert rig.book.entry("b") is None


async def test_a_task_whose_detail_says_that_it_is_gone_is_dropped():
    world = vendor(task("a"), task("b"))
    world.between = lambda: (
        world.lists[""].pop("a", None) if world.calls[-1] == ("find", "a") else None
    )
    async with Rig(world) as rig:
        await rig.forward(1)
        assert set(rig.shelf.exposed()) == {"b"}


async def test_tasks_read_by_name_need_no_detail_of_their_own():
    world = vendor(task("a"), task("f", Status.COMPLETED))
    world.fixed = {"": ("a", "f", "never-there")}
    async with Rig(world) as rig:
        await rig.forward(FINISHED / 2)
        assert detailed(rig) == {"a", "f"}
        asked = rig.vendor.asked("find")
        assert asked.count("f") == 1
        assert asked.count("a") == 1 + 30
        assert asked.count("never-there") <= 1 + 6, "asked for again slowly"
        assert rig.vendor.count("page") == rig.vendor.count("total") == 0
