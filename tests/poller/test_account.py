"""All loops of an account together: scopes come and go, faults show, the clock is followed."""

import asyncio
import weakref

import pytest

from exporter.body import Cap, read_capped
from exporter.domain import Schedule, Scope, Status, Tier, Window
from exporter.errors import PollError, Reason
from exporter.poller.context import sleep_unless
from exporter.poller.health import DETAIL, DISCOVERY, Health, Key
from tests.poller.making import ACTIVE, FINISHED, IDLE, Clock, Rig, Vendor, no_fault, settled, task

HERE, THERE = Scope("here", "Here"), Scope("there", "There")


def two_scopes():
    vendor = Vendor(scopes=(HERE, THERE))
    vendor.put(task("h"), task("f", Status.COMPLETED), scope="here")
    vendor.put(task("t"), scope="there")
    return vendor


async def test_scopes_are_followed_as_they_come_and_go():
    vendor = two_scopes()
    async with Rig(vendor) as rig:
        assert set(rig.shelf.exposed()) == {"h", "f", "t"}
        vendor.known_scopes = (THERE,)
        await rig.forward(IDLE * 1.1)
        assert set(rig.shelf.exposed()) == {"t"}
        assert rig.state.scopes_up == ((THERE, True),)
        calls = len(vendor.calls)
        await rig.forward(ACTIVE)
        assert {about[0].scope for _, about in vendor.calls[calls:] if about} == {THERE}
        vendor.known_scopes = (THERE, HERE)
        await rig.forward(IDLE * 1.1)
        assert set(rig.shelf.exposed()) == {"h", "f", "t"}


async def test_a_scope_that_goes_while_it_is_read_leaves_nothing_behind():
    for delay in range(12):
        vendor = two_scopes()
        async with Rig(vendor) as rig:
            vendor.latency = lambda: 7.0
            await rig.forward(IDLE - 14 + delay)
            vendor.known_scopes = (THERE,)
            await rig.forward(14 + 7)
            assert set(rig.shelf.exposed()) == {"t"}
            assert rig.book.counts() == {Status.RUNNING: 1}
            assert dict(rig.state.scopes_up).keys() == {THERE}


async def test_a_scope_that_is_renamed_keeps_its_tasks_under_the_new_name():
    vendor = two_scopes()
    async with Rig(vendor) as rig:
        vendor.known_scopes = (Scope("here", "Other"), THERE)
        pictures = []
        rig.shelf.watch = lambda: pictures.append(set(rig.shelf.exposed()))
        await rig.forward(IDLE + 61)
        assert all(picture == {"h", "f", "t"} for picture in pictures)
        assert {line.count('instance_name="Other"') for line in rig.shelf.info()} == {0, 1}
        assert not any('instance_name="Here"' in line for line in rig.shelf.info())


async def test_a_failing_discovery_is_down_and_keeps_the_scopes_it_knows():
    vendor = two_scopes()
    async with Rig(vendor) as rig:
        vendor.fault = lambda operation, _: (
            PollError(Reason.CONFIG, "") if operation == "scopes" else None
        )
        await rig.forward(IDLE)
        assert rig.state.up is False
        vendor.put(task("new"), scope="here")
        await rig.forward(ACTIVE)
        assert set(rig.shelf.exposed()) == {"h", "f", "t", "new"}
        vendor.fault = no_fault
        await rig.forward(IDLE)
        assert rig.state.up is True


async def test_an_account_is_ready_when_every_scope_has_tried_its_active_tier():
    vendor = two_scopes()
    vendor.fault = lambda operation, about: (
        PollError(Reason.PROTOCOL, "") if operation == "page" and about[0].scope == HERE else None
    )
    vendor.latency = lambda: 1.0
    rig = Rig(vendor)
    async with rig:
        await rig.forward(1.5)
        assert not rig.poller.ready.is_set()
        await rig.forward(5)
        assert rig.poller.ready.is_set()


@pytest.mark.parametrize("error", [PollError(Reason.UNAVAILABLE, ""), ZeroDivisionError()])
async def test_an_account_whose_discovery_fails_is_ready(error):
    vendor = Vendor()
    vendor.fault = lambda *_: error
    async with Rig(vendor) as rig:
        assert rig.poller.ready.is_set()


async def test_an_account_whose_scope_goes_before_it_was_read_is_ready():
    vendor = two_scopes()
    vendor.latency = lambda: 1e6 if vendor.calls[-1][0] == "page" else 0.0
    async with Rig(vendor) as rig:
        await rig.forward(5)
        vendor.known_scopes = ()
        await rig.forward(IDLE * 1.1)
        assert rig.poller.ready.is_set()


async def test_a_bug_in_rendering_is_told_and_logged_once_and_the_next_good_picture_is_shown(
    logged,
):
    vendor = Vendor(task("a"))
    async with Rig(vendor) as rig:
        good = rig.publisher._renderer

        class Broken:
            follows_clock = False
            state = good.state

            def tasks(self, *_):
                raise ZeroDivisionError

        rig.publisher._renderer = Broken()
        vendor.put(task("b"))
        await rig.forward(10 * ACTIVE)
        assert rig.shelf.value("outbound_account_failure", reason="bug") == 1
        assert set(rig.shelf.exposed()) == {"a"}
        assert sum(line["event"] == "bug" for line in logged) == 1
        assert len(rig.shelf.replaced) < 200, "not again and again"
        rig.publisher._renderer = good
        await rig.forward(ACTIVE)
        assert set(rig.shelf.exposed()) == {"a", "b"}
        assert rig.shelf.value("outbound_account_failure", reason="bug") == 0


async def test_a_bug_in_rendering_does_not_make_the_clock_loop_spin():
    vendor = Vendor(clock=Clock())
    opens = float(int(vendor.clock.now()) + 10)
    vendor.put(task("a", schedule=window_from(opens)))
    async with Rig(vendor) as rig:
        assert rig.context.next_edge == opens
        tries = 0

        class Broken:
            follows_clock = True
            state = rig.publisher._renderer.state

            def clock(self, *_):
                nonlocal tries
                tries += 1
                raise ZeroDivisionError

        rig.publisher._renderer = Broken()
        await rig.forward(10 * ACTIVE)
        assert 5 < tries < 50


def window_from(moment):
    start = int((moment + 8 * 3600) % 86400)
    return Schedule(zone="Asia/Shanghai", windows=(Window(start, start + 3600),))


async def test_a_window_that_opens_soon_after_its_task_is_first_seen_opens_on_time():
    vendor = Vendor()
    async with Rig(vendor) as rig:
        await rig.forward(ACTIVE - 1)
        # A poll is due in a second; long before the minute ends, the window opens.
        in_minute = (rig.clock.now() + 1) % 60
        opens = rig.clock.now() + 1 + (60 - in_minute) / 2
        assert opens - rig.clock.now() > 2
        opens = float(int(opens) + 1)
        vendor.put(task("a", schedule=window_from(opens)))
        await rig.forward(2)
        family = "outbound_task_calling_window_open"
        assert rig.shelf.value(family) == 0
        await rig.forward(opens - rig.clock.now() + 0.1)
        assert rig.shelf.value(family) == 1


async def test_time_remaining_is_rendered_each_minute_without_a_call():
    vendor = Vendor()
    async with Rig(vendor, refresh={"active": FINISHED, "idle": FINISHED}) as rig:
        end = rig.clock.now() + 86400
        schedule = Schedule(zone="Asia/Shanghai", windows=(Window(0, 86400),), end=end)
        vendor.put(task("a", schedule=schedule))
        await rig.forward(FINISHED + 61 - rig.clock.now() % 60)
        calls, family = len(vendor.calls), "outbound_task_calling_remaining_seconds"
        before = rig.shelf.value(family)
        await rig.forward(120)
        assert rig.shelf.value(family) == pytest.approx(before - 120, abs=1)
        assert len(vendor.calls) == calls


@pytest.mark.parametrize("moment", range(8))
async def test_a_loop_that_is_cancelled_while_it_wakes_ends(moment):
    clock, event = Clock(), asyncio.Event()

    async def loop():
        while True:
            await sleep_unless(event, clock=clock, seconds=10)

    looping = asyncio.create_task(loop())
    await settled()
    event.set()
    for _ in range(moment):
        await asyncio.sleep(0)
    looping.cancel()
    await asyncio.wait([looping], timeout=1)
    assert looping.cancelled()
    assert clock.asleep == 0


async def test_a_sleep_ends_by_its_event_or_by_time_and_leaves_the_event_clear():
    clock, event = Clock(), asyncio.Event()
    sleeping = asyncio.create_task(sleep_unless(event, clock=clock, seconds=10))
    await settled()
    await clock.advance(10)
    assert sleeping.done()
    event.set()
    await sleep_unless(event, clock=clock, seconds=10)
    assert not event.is_set()


AT = 1_760_000_000.0


def error(reason):
    return PollError(reason, "told")


def edges(logged):
    return [(line["event"], line.get("reason")) for line in logged]


def test_up_is_absent_before_the_first_attempt_of_a_tier():
    health = Health("acme")
    assert health.up() is None
    health.record(Key(DISCOVERY), None, now=AT)
    assert health.up() is None
    assert health.scopes_up() == ()
    health.record(Key("active", HERE), None, now=AT)
    assert health.up() is True


def test_up_is_the_latest_attempt_of_every_tier_of_every_scope():
    health = Health("acme")
    health.record(Key("active", HERE), None, now=AT)
    health.record(Key("idle", THERE), error(Reason.PROTOCOL), now=AT)
    assert health.up() is False
    assert dict(health.scopes_up()) == {HERE: True, THERE: False}
    health.record(Key("idle", THERE), None, now=AT)
    assert health.up() is True


def test_a_collector_does_not_touch_up():
    health = Health("acme")
    health.record(Key("active", HERE), None, now=AT)
    assert health.collectors_up() == ()
    health.record(Key(DETAIL, HERE), error(Reason.PERMISSION), now=AT)
    assert health.up() is True
    assert health.collectors_up() == (("detail", False),)


def test_a_failure_is_logged_first_when_its_reason_changes_and_when_it_is_over(logged):
    health, key = Health("acme"), Key("active", HERE)
    for reason in (Reason.AUTH, Reason.AUTH, Reason.CLOCK, Reason.CLOCK):
        health.record(key, error(reason), now=AT)
    health.record(key, None, now=AT)
    health.record(key, None, now=AT)
    assert edges(logged) == [
        ("poll failed", "auth"),
        ("poll failed", "clock"),
        ("poll recovered", None),
    ]


def test_tiers_that_fail_alike_are_one_line_and_recover_when_the_last_one_does(logged):
    health = Health("acme")
    for tier in Tier:
        health.record(Key(tier.value, HERE), error(Reason.AUTH), now=AT)
    for tier in Tier:
        health.record(Key(tier.value, HERE), None, now=AT)
    assert edges(logged) == [("poll failed", "auth"), ("poll recovered", None)]


def test_a_failure_keeps_its_beginning_and_the_last_success():
    health, key = Health("acme"), Key("active", HERE)
    assert health.record(key, None, now=AT) == 0
    assert health.record(key, error(Reason.AUTH), now=AT + 1) == 1
    assert health.record(key, error(Reason.CLOCK), now=AT + 2) == 2
    (failure,) = health.failures()
    assert (failure.since, failure.reason) == (AT + 1, "clock")
    assert health.attempt(key).last_success == AT


class Piece(bytearray):
    """A piece of an answer that can be asked whether it is still there."""


async def test_a_failure_that_stands_keeps_nothing_of_the_answer_it_is_about():
    health, pieces = Health("acme"), []

    async def answer():
        for _ in range(3):
            piece = Piece(100)
            pieces.append(weakref.ref(piece))
            yield piece

    try:
        try:
            await read_capped(answer(), Cap(200, "too large"))
        except PollError as cause:
            raise PollError(Reason.PROTOCOL, "of no use") from cause
    except PollError as failure:
        health.record(Key("active", HERE), failure, now=AT)

    # Whatever gave the pieces is closed by the loop.
    await settled()
    assert health.failures()
    assert not any(piece() for piece in pieces)


def test_a_scope_that_is_forgotten_counts_no_more():
    health = Health("acme")
    health.record(Key("active", HERE), error(Reason.AUTH), now=AT)
    health.record(Key("active", THERE), None, now=AT)
    health.forget_scope(HERE)
    assert health.up() is True
    assert health.failures() == ()
