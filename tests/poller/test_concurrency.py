"""The optional collector for calls at the same time: it fails alone, named by the book."""

import asyncio
import re

import pytest

from exporter.domain import Concurrency, Scope, Status
from exporter.errors import PollError, Reason, ScopeGone
from exporter.schedule import SLOW_RETRY_SECONDS
from exporter.source import ConcurrencyPage
from tests.poller.making import ACTIVE, IDLE, STALE_AFTER, Rig, Vendor, no_fault, task

HERE, THERE = Scope("here", "Here"), Scope("there", "There")
ON = ("progress", "concurrency")
QUESTIONS = ("tasks", "scope", "account")
TASK, TASK_LIMIT = "outbound_task_concurrency", "outbound_task_concurrency_limit"
INSTANCE, INSTANCE_LIMIT = "outbound_instance_concurrency", "outbound_instance_concurrency_limit"
LIMIT, REMAINING = "outbound_account_concurrency_limit", "outbound_account_concurrency_remaining"
FAMILY = {"tasks": TASK, "scope": INSTANCE, "account": LIMIT}


class Calls:
    """The concurrency of a ``Vendor``: what a test puts there, page by page, and its faults."""

    def __init__(self, vendor):
        self._vendor = vendor
        self.running = {scope.id: {} for scope in vendor.known_scopes}
        self.scopes = {scope.id: Concurrency(current=7, limit=100) for scope in vendor.known_scopes}
        self.quota = Concurrency(limit=500, remaining=250)
        self.told = {}
        self.total = len
        self.page_size = vendor.abilities.page_size
        vendor.concurrency = self

    async def tasks(self, scope, number):
        await self._vendor._answer("tasks", (scope.id, number))
        every = list(self.running[scope.id].items())
        mine = every[(number - 1) * self.page_size : number * self.page_size]
        return ConcurrencyPage(tuple(mine), rows=len(mine), total=self.total(every))

    async def scope(self, scope):
        await self._vendor._answer("scope", scope.id)
        return self.scopes[scope.id]

    async def account(self):
        await self._vendor._answer("account", None)
        return self.quota

    def listed(self, scope):
        return self.told.get(scope.id)


def vendor(*rows, scopes=(HERE,), **fields):
    """Tasks in the first scope, each of which has two calls of at most ten."""
    made = Vendor(scopes=scopes, page_size=100, statuses_per_query=None, **fields)
    made.put(*rows, scope=scopes[0].id)
    Calls(made)
    busy = {row.id: Concurrency(current=2, limit=10) for row in rows}
    made.concurrency.running[scopes[0].id] = busy
    return made


def failing(reason, operation, about=None):
    """A fault of one question, of one scope or of all."""

    def fault(asked, asked_about):
        scope = asked_about[0] if asked == "tasks" else asked_about
        if asked == operation and about in {None, scope}:
            return PollError(reason, "", code="x")
        return None

    return fault


def shown(rig, family=TASK):
    """Values by task id."""
    found = {}
    for line in rig.shelf.lines(family):
        task_id = re.search('task_id="([^"]*)"', line)[1]
        assert task_id not in found, f"twice: {line}"
        found[task_id] = float(line.rsplit(" ", 1)[1])
    return found


def on(*rows, **fields):
    return Rig(vendor(*rows, **fields), collect=ON)


# What is shown


async def test_tasks_scopes_and_the_account_are_told_with_the_names_of_the_book():
    async with on(task("a"), task("b")) as rig:
        await rig.forward(1)
        assert rig.shelf.lines(TASK) == [
            f'{TASK}{{platform="memory",account="acme",task_id="{id_}",task_name="name-{id_}"}} 2'
            for id_ in ("a", "b")
        ]
        assert shown(rig, TASK_LIMIT) == {"a": 10, "b": 10}
        instance = {"instance_id": "here", "instance_name": "Here"}
        assert rig.shelf.value(INSTANCE, **instance) == 7
        assert rig.shelf.value(INSTANCE_LIMIT, **instance) == 100
        assert (rig.shelf.value(LIMIT), rig.shelf.value(REMAINING)) == (500, 250)
        assert rig.state.collectors_up == (("concurrency", True),)


async def test_what_the_vendor_leaves_out_has_no_series_and_nought_has_one():
    world = vendor(task("a"), task("b"))
    world.concurrency.running["here"] = {"a": Concurrency(limit=3), "b": Concurrency(current=0)}
    world.concurrency.scopes["here"] = Concurrency()
    world.concurrency.quota = Concurrency(remaining=0)
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert shown(rig) == {"b": 0}
        assert shown(rig, TASK_LIMIT) == {"a": 3}
        assert rig.shelf.lines(INSTANCE) == rig.shelf.lines(INSTANCE_LIMIT) == []
        assert (rig.shelf.value(LIMIT), rig.shelf.value(REMAINING)) == (None, 0)
        assert rig.state.collectors_up == (("concurrency", True),)


async def test_tasks_that_are_not_exposed_or_of_another_scope_are_not_shown():
    world = vendor(task("a"), task("secret", name="test-1"), scopes=(HERE, THERE))
    busy = Concurrency(current=1)
    world.concurrency.running["here"]["unheard-of"] = busy
    # A vendor that does not look at the scope tells of every task each time.
    world.concurrency.running["there"] = world.concurrency.running["here"]
    async with Rig(world, collect=ON, tasks={"exclude": "test-.*"}) as rig:
        await rig.forward(1)
        assert shown(rig) == {"a": 2}


async def test_a_task_that_leaves_the_book_leaves_with_that_very_publication():
    async with on(task("a"), task("b"), task("c")) as rig:
        await rig.forward(ACTIVE / 2)
        seen = []
        rig.shelf.watch = lambda: seen.append((set(shown(rig)), set(rig.shelf.exposed())))
        rig.vendor.remove("a", scope="here")
        rig.vendor.concurrency.running["here"]["b"] = Concurrency(current=5)
        await rig.forward(ACTIVE)
        assert shown(rig) == {"b": 5, "c": 2}
        assert seen
        assert all(calling == exposed for calling, exposed in seen)


async def test_a_new_name_shows_with_the_task_and_without_another_call():
    async with on(task("a")) as rig:
        await rig.forward(1)
        rig.vendor.fault = failing(Reason.PERMISSION, "tasks")
        rig.vendor.change("a", scope="here", name="renamed")
        await rig.forward(ACTIVE)
        (line,) = rig.shelf.lines(TASK)
        assert 'task_name="renamed"' in line


async def test_calls_that_did_not_change_are_not_rendered_again():
    async with on(task("a")) as rig:
        await rig.forward(1)
        rig.shelf.replaced.clear()
        await rig.forward(3 * ACTIVE)
        parts = [set(parts) for parts in rig.shelf.replaced]
        assert parts
        assert all(("concurrency", "here", "tasks") not in keys for keys in parts)


async def test_the_limit_of_the_list_of_scopes_fills_in_for_one_that_is_not_told():
    world = vendor(scopes=(HERE, THERE))
    world.concurrency.told = {"here": Concurrency(limit=60), "there": Concurrency(limit=70)}
    world.concurrency.scopes["here"] = Concurrency(current=4)
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert rig.shelf.value(INSTANCE_LIMIT, instance_id="here") == 60
        assert rig.shelf.value(INSTANCE_LIMIT, instance_id="there") == 100
        # Also while the scope itself may not be asked.
        world.fault = failing(Reason.PERMISSION, "scope")
        await rig.forward(ACTIVE + STALE_AFTER)
        assert rig.shelf.value(INSTANCE_LIMIT, instance_id="there") == 70
        assert rig.shelf.lines(INSTANCE) == []
        # But not when the list has not been there for long.
        world.fault = lambda *_: PollError(Reason.AUTH, "")
        await rig.forward(IDLE + STALE_AFTER + IDLE)
        assert rig.shelf.lines(INSTANCE_LIMIT) == []


async def test_a_limit_that_the_list_no_longer_tells_is_gone():
    world = vendor()
    world.concurrency.told = {"here": Concurrency(limit=60)}
    world.concurrency.scopes["here"] = Concurrency()
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert rig.shelf.value(INSTANCE_LIMIT) == 60
        world.concurrency.told = {}
        await rig.forward(IDLE)
        assert rig.shelf.lines(INSTANCE_LIMIT) == []


# How often


async def test_each_question_is_asked_once_an_active_interval_and_scope():
    async with on(task("a"), scopes=(HERE, THERE)) as rig:
        await rig.forward(10 * ACTIVE - 1)
        asked = {about for name, about in rig.vendor.calls if name == "scope"}
        assert asked == {"here", "there"}
        counts = {name: rig.vendor.count(name) for name in QUESTIONS}
        assert counts == {"tasks": 20, "scope": 20, "account": 10}


async def test_no_question_is_asked_before_the_first_active_reading_has_ended():
    world = vendor(task("a"))
    waits = iter([5.0] * 100)
    world.latency = lambda: next(waits)
    async with Rig(world, collect=ON) as rig:
        await rig.forward(9)
        assert rig.vendor.count("page") >= 1
        assert not any(rig.vendor.count(name) for name in QUESTIONS)


@pytest.mark.parametrize("collect", [("progress", "schedule", "settings", "agents"), ()])
async def test_nothing_is_asked_and_nothing_shown_when_the_collector_is_off(collect):
    async with Rig(vendor(task("a")), collect=collect) as rig:
        await rig.forward(2 * IDLE)
        assert not any(rig.vendor.count(name) for name in QUESTIONS)
        assert not any(rig.shelf.lines(family) for family in (TASK, INSTANCE_LIMIT, LIMIT))
        assert rig.state.collectors_up == ()


async def test_a_vendor_that_has_nothing_for_the_collector_is_read_as_ever():
    async with Rig(Vendor(task("a")), collect=ON) as rig:
        await rig.forward(ACTIVE)
        assert set(rig.shelf.exposed()) == {"a"}
        assert rig.state.collectors_up == ()
        assert rig.state.up is True


async def test_a_vendor_who_never_answers_these_questions_delays_no_tier():
    world = vendor(task("a"), scopes=(HERE, THERE))
    under_way = []

    async def never(*_):
        under_way.append(1)
        await asyncio.Event().wait()

    calls = world.concurrency
    calls.tasks = calls.scope = calls.account = never
    async with Rig(world, collect=ON) as rig:
        await rig.forward(5 * ACTIVE)
        most = rig.account.common.budget.concurrency
        assert len(under_way) == most // 2, "half of what the account may have under way"
        active = [
            query.scope for query, _ in rig.vendor.asked("page") if Status.RUNNING in query.statuses
        ]
        assert active.count(HERE) == active.count(THERE) == 6
        assert rig.state.up is True


# What fails fails alone


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_permission_that_is_missing_takes_its_own_figures_and_no_other(question):
    world = vendor(task("a"))
    world.fault = failing(Reason.PERMISSION, question)
    async with Rig(world, collect=ON) as rig:
        await rig.forward(SLOW_RETRY_SECONDS - 1)
        assert rig.vendor.count(question) == 1, "retried slowly"
        there = {name for name in QUESTIONS if rig.shelf.lines(FAMILY[name])}
        assert there == set(QUESTIONS) - {question}
        assert all(rig.vendor.count(name) == 5 for name in there)
        assert rig.state.up is True
        assert rig.state.collectors_up == (("concurrency", False),)
        assert rig.shelf.value("outbound_account_collector_up", collector="concurrency") == 0
        assert rig.shelf.value("outbound_account_failure", reason="permission") == 1
        world.fault = no_fault
        await rig.forward(2)
        assert rig.vendor.count(question) == 2
        assert rig.shelf.lines(FAMILY[question])
        assert rig.state.collectors_up == (("concurrency", True),)
        assert rig.reasons() == set()


async def test_a_permission_that_is_missing_is_one_line_and_so_is_the_recovery(logged):
    world = vendor(task("a"))
    world.fault = failing(Reason.PERMISSION, "tasks")
    async with Rig(world, collect=ON) as rig:
        await rig.forward(3 * SLOW_RETRY_SECONDS)
        world.fault = no_fault
        await rig.forward(SLOW_RETRY_SECONDS)
    told = [(line["event"], line["where"]) for line in logged]
    assert told == [("poll failed", "Here / concurrency of tasks"), ("poll recovered", "Here")]


@pytest.mark.parametrize("question", ["tasks", "scope"])
@pytest.mark.parametrize("reason", [Reason.PERMISSION, Reason.PROTOCOL, Reason.UNAVAILABLE])
async def test_one_scope_that_fails_leaves_the_other(question, reason):
    world = vendor(task("a"), scopes=(HERE, THERE))
    world.put(task("t"), scope="there")
    world.concurrency.running["there"] = {"t": Concurrency(current=3)}
    world.fault = failing(reason, question, "there")
    async with Rig(world, collect=ON) as rig:
        await rig.forward(2 * ACTIVE)
        whole = {"tasks": {"a", "t"}, "scope": {"here", "there"}}
        ids = {
            "tasks": set(shown(rig)),
            "scope": {
                re.search('instance_id="([^"]*)"', line)[1] for line in rig.shelf.lines(INSTANCE)
            },
        }
        lacking = {name: whole[name] - ids[name] for name in whole}
        assert lacking == {
            **{name: set() for name in whole},
            question: {"t", "there"} & whole[question],
        }
        assert rig.state.up is True
        assert rig.reasons() == {reason.value}


async def test_a_bug_in_one_question_ends_no_loop():
    world = vendor(task("a"))
    world.fault = lambda operation, _: ZeroDivisionError() if operation == "tasks" else None
    async with Rig(world, collect=ON) as rig:
        await rig.forward(ACTIVE + 1)
        assert rig.reasons() == {"bug"}
        assert rig.shelf.lines(INSTANCE)
        world.fault = no_fault
        await rig.forward(ACTIVE)
        assert shown(rig) == {"a": 2}
        assert rig.reasons() == set()


async def test_a_vendor_that_is_down_is_asked_ever_more_slowly_but_once_an_interval():
    world = vendor(task("a"))
    world.fault = failing(Reason.UNAVAILABLE, "account")
    async with Rig(world, random=lambda: 0.9, collect=ON) as rig:
        await rig.forward(10 * ACTIVE)
        # Each attempt asks again at most three times.
        assert 4 * 8 < rig.vendor.count("account") < 4 * 25


async def test_a_scope_that_is_gone_takes_its_figures_at_once():
    world = vendor(task("a"), scopes=(HERE, THERE))
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert len(rig.shelf.lines(INSTANCE)) == 2
        world.fault = lambda operation, about: (
            ScopeGone(Reason.CONFIG, "") if (operation, about) == ("scope", "there") else None
        )
        await rig.forward(ACTIVE)
        assert [line for line in rig.shelf.lines(INSTANCE) if "there" in line] == []
        assert rig.shelf.value(INSTANCE, instance_id="here") == 7


async def test_a_scope_that_is_no_longer_listed_is_forgotten_and_not_asked_about():
    world = vendor(task("a"), scopes=(HERE, THERE))
    world.fault = failing(Reason.PERMISSION, "scope", "there")
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        world.known_scopes = (HERE,)
        await rig.forward(IDLE)
        asked = len(rig.vendor.asked("tasks"))
        await rig.forward(2 * ACTIVE)
        assert {about[0] for about in rig.vendor.asked("tasks")[asked:]} == {"here"}
        assert rig.state.collectors_up == (("concurrency", True),)
        assert rig.reasons() == set()


# What is old vanishes


@pytest.mark.parametrize("question", QUESTIONS)
async def test_series_vanish_an_interval_and_stale_after_past_the_last_good_reading(question):
    world = vendor(task("a"))
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        world.fault = failing(Reason.PROTOCOL, question)
        await rig.forward(ACTIVE + STALE_AFTER - 3)
        assert all(rig.shelf.lines(family) for family in FAMILY.values()), "too early"
        await rig.forward(3)
        there = {name for name in QUESTIONS if rig.shelf.lines(FAMILY[name])}
        assert there == set(QUESTIONS) - {question}
        assert set(rig.shelf.exposed()) == {"a"}


async def test_a_reading_that_outlasts_its_interval_is_shown_for_as_much_longer():
    world = vendor(task("a"))
    world.latency = lambda: 2.5 * ACTIVE if world.calls[-1][0] == "account" else 0.0
    async with Rig(world, collect=ON) as rig:
        await rig.forward(2.5 * ACTIVE + 1)
        assert rig.shelf.value(LIMIT) == 500
        world.fault = failing(Reason.PROTOCOL, "account")
        await rig.forward(3 * ACTIVE + STALE_AFTER - 3)
        assert rig.shelf.value(LIMIT) == 500
        await rig.forward(5)
        assert rig.shelf.value(LIMIT) is None


# Paging


@pytest.mark.parametrize("total", [len, lambda _: None])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
async def test_all_pages_are_read_to_their_end(count, total):
    world = vendor(*(task(f"t{number:03}") for number in range(count)))
    world.concurrency.total = total
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert len(shown(rig)) == count
        assert rig.vendor.count("tasks") <= count // 100 + 1
        assert rig.reasons() == set()


async def test_a_total_that_is_never_reached_ends_with_an_empty_page():
    world = vendor(*(task(f"t{number:03}") for number in range(130)))
    world.concurrency.total = lambda _: 140
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert len(shown(rig)) == 130
        assert rig.vendor.asked("tasks") == [("here", 1), ("here", 2), ("here", 3)]


async def test_rows_that_move_while_pages_are_read_are_read_again():
    world = vendor(*(task(f"t{number:03}") for number in range(250)))
    running = world.concurrency.running["here"]

    def one_leaves():
        if world.calls[-1] == ("tasks", ("here", 2)) and "t000" in running:
            del running["t000"]

    world.between = one_leaves
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert set(shown(rig)) == {f"t{number:03}" for number in range(1, 250)}


@pytest.mark.parametrize("total", [lambda _: 300, lambda _: None])
async def test_a_page_that_only_repeats_what_is_known_ends_the_paging(total):
    world = vendor(*(task(f"t{number:03}") for number in range(100)))
    calls = world.concurrency
    calls.total = total

    async def first_page(scope, _, read=calls.tasks):
        return await read(scope, 1)

    calls.tasks = first_page
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        unknown = total(()) is None
        assert len(shown(rig)) == (100 if unknown else 0)
        assert rig.reasons() == (set() if unknown else {"protocol"})
        assert rig.vendor.count("tasks") == 2


async def test_a_page_with_other_figures_under_the_same_id_is_a_failure_and_shows_none_of_them():
    world = vendor(task("a"), task("b"))
    calls = world.concurrency

    async def of_two(*_):
        rows = (("a", Concurrency(current=2)), ("a", Concurrency(current=9)))
        return ConcurrencyPage(rows, rows=2, total=2)

    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        read, calls.tasks = calls.tasks, of_two
        await rig.forward(ACTIVE)
        assert shown(rig) == {"a": 2, "b": 2}, "as they were"
        assert rig.reasons() == {"protocol"}
        assert rig.state.up is True
        assert rig.state.collectors_up == (("concurrency", False),)
        calls.tasks = read
        await rig.forward(ACTIVE)
        assert rig.reasons() == set()


@pytest.mark.parametrize(("growth", "most"), [(300, 2 * 3 + 20), (None, 1000)])
async def test_pages_that_never_end_are_a_failure_and_bounded(growth, most):
    world = vendor(task("a"))

    async def endless(_, number):
        world.calls.append(("tasks", number))
        rows = tuple((f"{number}/{row}", Concurrency()) for row in range(100))
        return ConcurrencyPage(rows, rows=100, total=growth and growth * number)

    world.concurrency.tasks = endless
    async with Rig(world, collect=ON) as rig:
        await rig.forward(1)
        assert rig.vendor.count("tasks") == most
        assert rig.reasons() == {"protocol"}
        assert rig.state.up is True


# Values that cannot be read


async def test_values_that_cannot_be_read_are_counted_and_logged_once(logged):
    world = vendor(task("a"))
    world.concurrency.running["here"] = {"a": Concurrency(limit=1, unknown=("Occupied",))}
    world.concurrency.scopes["here"] = Concurrency(unknown=("Max",))
    world.concurrency.quota = Concurrency(unknown=("Quota",))
    world.concurrency.told = {"here": Concurrency(unknown=("Listed",))}
    async with Rig(world, collect=ON) as rig:
        await rig.forward(3 * ACTIVE - 1)
        assert rig.meter.unknowns == {"Occupied": 3, "Max": 3, "Quota": 3, "Listed": 1}
        told = [line["field"] for line in logged if line["event"] == "unknown value"]
        assert sorted(told) == ["Listed", "Max", "Occupied", "Quota"]


async def test_a_task_that_runs_no_more_keeps_its_calls_as_long_as_the_vendor_tells_them():
    async with on(task("a")) as rig:
        await rig.forward(1)
        rig.vendor.change("a", scope="here", status=Status.PAUSED)
        await rig.forward(ACTIVE)
        assert shown(rig) == {"a": 2}
        rig.vendor.concurrency.running["here"].clear()
        await rig.forward(ACTIVE)
        assert shown(rig) == {}


async def test_it_takes_half_of_what_the_tiers_leave_so_that_details_are_read_too():
    class Tight:
        clock_offset = None
        sustained_rate = 0.3

    scopes = tuple(Scope(f"i{number}") for number in range(8))
    world = vendor(task("a"), scopes=scopes)
    async with Rig(world, transport=Tight(), collect=ON) as rig:
        await rig.forward(3600)
        world.calls.clear()
        await rig.forward(7200)
        asked = sum(world.count(question) for question in QUESTIONS)
        half = (7200 * Tight.sustained_rate - (len(world.calls) - asked)) / 2
        assert 3 * half < (1 + 8 * 2) * 7200 / ACTIVE, "it wants more than that"
        assert 0.8 * half < asked < 1.1 * half
