"""The loops of a scope: what left its tier is found, and failures wait as they must."""

import pytest

from exporter.domain import Scope, Status, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.schedule import SLOW_RETRY_SECONDS
from tests.poller.making import ACTIVE, FINISHED, IDLE, STALE_AFTER, Rig, Vendor, no_fault, task


def raising(error, *operations, about=None):
    def fault(operation, what):
        matches = operation in operations and about in {None, what}
        return error if matches else None

    return fault


PAUSED = [task(f"p{number}", Status.PAUSED) for number in range(9)]
"""Enough to make look-ups cheaper than reading them."""


async def test_a_task_that_left_its_tier_is_found_within_one_active_interval():
    vendor = Vendor(task("a"), task("b"))
    async with Rig(vendor) as rig:
        vendor.change("a", status=Status.COMPLETED)
        await rig.forward(ACTIVE)
        assert rig.shelf.exposed() == {"a": Status.COMPLETED, "b": Status.RUNNING}
        assert vendor.asked("find") == ["a"]


async def test_a_task_that_is_gone_everywhere_is_dropped_within_one_active_interval():
    vendor = Vendor(task("a"), task("b"))
    async with Rig(vendor) as rig:
        vendor.remove("a")
        await rig.forward(ACTIVE)
        assert set(rig.shelf.exposed()) == {"b"}


async def test_where_reading_the_other_tiers_costs_less_they_are_read_early():
    vendor = Vendor(*(task(f"t{number}") for number in range(20)), page_size=100)
    async with Rig(vendor) as rig:
        for number in range(20):
            vendor.change(f"t{number}", status=Status.COMPLETED if number % 2 else Status.PAUSED)
        vendor.remove("t0")
        await rig.forward(ACTIVE)
        assert vendor.count("find") == 0
        exposed = rig.shelf.exposed()
        assert exposed == {row.id: row.status for row in vendor.lists[""].values()}


async def test_a_look_up_that_fails_for_one_task_does_not_keep_the_others_from_being_found():
    vendor = Vendor(*(task(f"t{number}") for number in range(4)), *PAUSED)
    async with Rig(vendor) as rig:
        vendor.fault = raising(PollError(Reason.PROTOCOL, ""), "find", about="t0")
        for number in range(4):
            vendor.change(f"t{number}", status=Status.COMPLETED)
        await rig.forward(ACTIVE)
        # The one that cannot be looked up is found by reading the other tiers early.
        assert set(rig.shelf.exposed().values()) == {Status.COMPLETED, Status.PAUSED}
        await rig.forward(5 * ACTIVE)
        assert vendor.asked("find").count("t0") == 1


async def test_where_look_ups_are_forbidden_the_other_tiers_are_read_early_instead():
    vendor = Vendor(task("a"), task("b"), task("c"), *PAUSED)
    vendor.fault = raising(PollError(Reason.PERMISSION, ""), "find")
    async with Rig(vendor) as rig:
        for task_id, seconds in (("a", ACTIVE), ("b", ACTIVE), ("c", ACTIVE)):
            vendor.change(task_id, status=Status.COMPLETED)
            await rig.forward(seconds)
            assert rig.shelf.exposed()[task_id] is Status.COMPLETED
        assert vendor.count("find") == 1, "tried again slowly"


async def test_where_the_vendor_is_down_for_look_ups_the_rows_stay_and_it_is_asked_again():
    vendor = Vendor(task("a"), task("b"))
    async with Rig(vendor) as rig:
        vendor.fault = raising(PollError(Reason.UNAVAILABLE, ""), "find")
        vendor.change("a", status=Status.COMPLETED)
        await rig.forward(ACTIVE)
        assert rig.shelf.exposed()["a"] is Status.RUNNING
        vendor.fault = no_fault
        await rig.forward(ACTIVE)
        assert rig.shelf.exposed()["a"] is Status.COMPLETED


async def test_a_bug_in_a_look_up_is_told_and_forgotten_when_it_works_again():
    vendor = Vendor(task("a"), task("b"))
    async with Rig(vendor) as rig:
        vendor.fault = raising(ZeroDivisionError(), "find")
        vendor.change("a", status=Status.COMPLETED)
        await rig.forward(ACTIVE)
        assert rig.shelf.value("outbound_account_failure", reason="bug") == 1
        assert rig.state.up is True
        vendor.fault = no_fault
        await rig.forward(2 * ACTIVE)
        assert rig.reasons() == set()


async def test_what_another_reading_found_meanwhile_is_not_looked_up():
    vendor = Vendor(*(task(f"t{number}") for number in range(3)), *PAUSED)
    async with Rig(vendor) as rig:
        for number in range(3):
            vendor.change(f"t{number}", status=Status.PAUSED)

        def seen_meanwhile():
            if vendor.calls[-1][0] == "find":
                now = rig.clock.monotonic()
                for row in vendor.lists[""].values():
                    rig.book.see(Scope(), row, now + 1, now=now)

        vendor.between = seen_meanwhile
        await rig.forward(ACTIVE)
        assert vendor.count("find") == 1


async def test_a_group_older_than_the_list_reaches_is_followed_to_its_end_and_beyond():
    abilities = {"created_since": True, "page_size": 100, "statuses_per_query": None}
    vendor = Vendor(**abilities)
    async with Rig(vendor, tasks={"created_within": 86400.0}) as rig:
        now = rig.clock.now()
        rows = [task(f"t{number}", created=now - 86310, aged_from=now) for number in range(9)]
        vendor.put(*rows)
        await rig.forward(2 * ACTIVE)
        assert len(rig.shelf.exposed()) == 9
        for row in rows:
            vendor.change(row.id, status=Status.COMPLETED)
        for _ in range(3):
            await rig.forward(FINISHED)
            assert set(rig.shelf.exposed().values()) == {Status.COMPLETED}
            assert len(rig.shelf.exposed()) == 9
        vendor.remove("t0")
        await rig.forward(FINISHED)
        assert "t0" not in rig.shelf.exposed()


async def test_a_failing_poll_keeps_the_last_picture_until_it_is_stale():
    vendor = Vendor(task("a"), task("p", Status.PAUSED), task("f", Status.COMPLETED))
    async with Rig(vendor) as rig:
        vendor.fault = raising(PollError(Reason.PROTOCOL, ""), "page")
        await rig.forward(ACTIVE + STALE_AFTER - 1)
        assert set(rig.shelf.exposed()) == {"a", "p", "f"}
        assert rig.state.up is False
        await rig.forward(2)
        assert set(rig.shelf.exposed()) == {"p", "f"}
        await rig.forward(IDLE - ACTIVE)
        assert set(rig.shelf.exposed()) == {"f"}
        vendor.fault = no_fault
        await rig.forward(IDLE)
        assert set(rig.shelf.exposed()) >= {"a", "p"}


async def test_data_read_while_it_was_about_to_expire_is_there_again():
    vendor = Vendor(task("a"))
    async with Rig(vendor) as rig:
        vendor.fault = raising(PollError(Reason.PROTOCOL, ""), "page")
        await rig.forward(ACTIVE + STALE_AFTER - 60)
        vendor.fault = no_fault
        vendor.latency = lambda: 50.0
        await rig.forward(61)
        assert rig.shelf.exposed() == {}
        await rig.forward(200)
        assert set(rig.shelf.exposed()) == {"a"}


async def test_a_clock_that_is_set_back_does_not_make_new_data_look_old():
    vendor = Vendor(task("a"), task("b"))
    async with Rig(vendor) as rig:
        rig.clock.wall_offset = -3600
        vendor.change("a", status=Status.SCHEDULING)
        vendor.remove("b")
        await rig.forward(ACTIVE)
        assert rig.shelf.exposed() == {"a": Status.SCHEDULING}


async def test_a_scope_that_is_gone_drops_its_own_tasks_and_comes_back():
    here, there = Scope("here"), Scope("there")
    vendor = Vendor(scopes=(here, there))
    vendor.put(task("a"), scope="here")
    vendor.put(task("b"), scope="there")
    async with Rig(vendor) as rig:
        vendor.fault = lambda operation, about: (
            ScopeGone(Reason.CONFIG, "") if operation == "page" and about[0].scope == here else None
        )
        await rig.forward(ACTIVE)
        assert set(rig.shelf.exposed()) == {"b"}
        assert rig.reasons() == {"config"}
        assert dict(rig.state.scopes_up) == {here: False, there: True}
        vendor.fault = no_fault
        await rig.forward(IDLE)
        assert set(rig.shelf.exposed()) == {"a", "b"}


async def test_wrong_credentials_are_never_hammered():
    vendor = Vendor(task("a"))
    vendor.fault = raising(PollError(Reason.AUTH, ""), "page")
    async with Rig(vendor) as rig:
        await rig.forward(3 * SLOW_RETRY_SECONDS)
        assert vendor.count("page") <= 3 * 5


async def test_a_bug_while_reading_is_told_and_the_loop_lives():
    vendor = Vendor(task("a"))
    vendor.fault = raising(KeyError("x"), "page")
    async with Rig(vendor) as rig:
        assert rig.reasons() == {"bug"}
        vendor.fault = no_fault
        await rig.forward(IDLE)
        assert set(rig.shelf.exposed()) == {"a"}


async def test_a_poll_that_takes_longer_than_its_interval_is_not_stacked_and_stretches_it():
    vendor = Vendor(task("a"))
    async with Rig(vendor) as rig:
        vendor.latency = lambda: 50.0
        await rig.forward(10 * ACTIVE)
        # Three lists of 50 s each: every third poll can be made.
        assert rig.meter.skips[Tier.ACTIVE] >= 4
        interval = rig.shelf.value("outbound_account_refresh_interval_seconds", tier="active")
        assert interval == 3 * ACTIVE
        assert rig.context.lifetimes()[Tier.ACTIVE] == 3 * ACTIVE + STALE_AFTER
        vendor.latency = lambda: 0.0
        await rig.forward(6 * ACTIVE)
        interval = rig.shelf.value("outbound_account_refresh_interval_seconds", tier="active")
        assert interval == ACTIVE


async def test_statuses_that_no_filter_finds_are_counted_once_every_finished_interval():
    vendor = Vendor(task("a"), task("u", Status.UNKNOWN), page_size=100)
    async with Rig(vendor) as rig:
        assert rig.state.unclassified == 1
        calls = vendor.count("total")
        # Early readings of the tier are no reason to count again.
        for each in range(5):
            vendor.put(*(task(f"t{each}-{number}") for number in range(20)))
            await rig.forward(ACTIVE)
            for number in range(20):
                vendor.change(f"t{each}-{number}", status=Status.COMPLETED)
            await rig.forward(ACTIVE)
        assert vendor.count("total") == calls
        vendor.remove("u")
        await rig.forward(FINISHED)
        assert rig.state.unclassified == 0


@pytest.mark.parametrize("operation", ["page", "total"])
async def test_the_other_tiers_go_on_while_one_fails(operation):
    vendor = Vendor(task("a"), task("p", Status.PAUSED))
    vendor.fault = lambda asked, about: (
        PollError(Reason.CONFIG, "")
        if asked == operation and (about[0].statuses or {Status.PAUSED}) & {Status.PAUSED}
        else None
    )
    async with Rig(vendor) as rig:
        await rig.forward(ACTIVE)
        assert rig.shelf.exposed()["a"] is Status.RUNNING
        assert rig.state.up is (operation == "total")
