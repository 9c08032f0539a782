"""The configuration is read again while everything runs: what changed changes, the rest stays."""

import asyncio
import copy
import re
from contextlib import AsyncExitStack
from functools import partial

import aiohttp
import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exporter.app import Exporter, Settings, serve
from exporter.errors import ConfigError, Reason
from exporter.sharding import Shard, shard_of
from exporter.simulator import AccessChange, Fault, Simulator, SimulatorOptions
from exporter.store import Store
from exporter.web import parse_listen_address
from tests.fakes import FakeClock, no_random
from tests.integration._certificates import make
from tests.integration._drive import (
    INTERVAL_SECONDS,
    driven,
    label_of,
    of,
    one,
    reasons,
    written,
)
from tests.integration._front import front
from tests.integration.harness import config_of

SLOW_RETRY_SECONDS = 300.0
CALLS, BOTS = "dezhu-demo", "aliyun-demo"
ONE_EACH = {"dezhu_accounts": 1, "aliyun_accounts": 1, "aliyun_instances": 2, "tasks": 24}
TWO_EACH = {"dezhu_accounts": 2, "aliyun_accounts": 2, "aliyun_instances": 1, "tasks": 24}
SUCCESSFUL = "outbound_exporter_config_last_reload_successful"
TIMESTAMP = "outbound_exporter_config_last_reload_success_timestamp_seconds"
# What tells when something happened is not what is shown of the tasks.
LINES = ("outbound_task_info{", "outbound_task_start_timestamp_seconds{")


def edit(drive, change, **defaults):
    """Write the configuration anew; ``change`` edits the accounts, given by name."""
    drive.world.text = written(drive.simulator, change, **defaults)


def without(*names):
    """A change that takes accounts out."""

    def change(document):
        document["accounts"] = [one for one in document["accounts"] if one["name"] not in names]

    return change


def edit_document(drive, change):
    document = yaml.safe_load(drive.world.text)
    change(document)
    drive.world.text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


async def reload(drive):
    return await drive.world.exporter.reload()


async def post(drive):
    url = f"{drive.world.url}/-/reload"
    async with aiohttp.ClientSession() as session, session.post(url) as response:
        return response.status, await response.text()


def asked(drive, account):
    """The calls that the simulator had from an account."""
    return [record for record in drive.simulator.requests if record.account == account]


def members(drive):
    return dict(drive.world.exporter._fleet._members)


def parts(member):
    """Everything that must be the same object as long as the account is the same."""
    context = member.context
    session = context._transport._session
    return (
        *(member, member.loop, member.poller, member.limiter, member.meter, context),
        *(context.book, context.source, context.health, session, session.connector),
    )


def lines_of(text, account):
    return {line for line in text.splitlines() if f'account="{account}"' in line}


def shown(text, account):
    return {line for line in lines_of(text, account) if line.startswith(LINES)}


# Accounts that stay


async def test_an_account_that_is_the_same_makes_no_call_and_no_connection_by_a_reload():
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(front())

        def text(simulator):
            door.target = simulator.dezhu_url
            return written(simulator, lambda accounts: accounts[CALLS].update(base_url=door.url))

        drive = await stack.enter_async_context(driven(options=TWO_EACH, text=text))
        await drive.polled()
        before = parts(members(drive)[CALLS])
        calls = [record.time for record in asked(drive, CALLS)]
        connections, log = door.connections, drive.log

        for number in range(5):

            def change(document, seconds=5 + number):
                document["accounts"].reverse()
                (bots,) = (each for each in document["accounts"] if each["name"] == BOTS)
                bots["timeout"] = f"{seconds}s"

            edit_document(drive, change)
            found = await reload(drive)
            assert list(found.changed) == [BOTS]
            await drive.forward(2)

        after = parts(members(drive)[CALLS])
        assert all(mine is theirs for mine, theirs in zip(before, after, strict=True))
        assert calls == [record.time for record in asked(drive, CALLS)]
        # Its loop goes on by its own timetable, over the same connections.
        await drive.forward(INTERVAL_SECONDS)
        later = [record.time for record in asked(drive, CALLS)][len(calls) :]
        assert {at - INTERVAL_SECONDS for at in later} <= set(calls)
        assert later
        assert door.connections == connections
        assert not [line for line in drive.log[len(log) :].splitlines() if f'"{CALLS}"' in line]


async def test_a_reload_of_the_same_file_changes_nothing_and_is_a_success():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        before = {name: parts(member) for name, member in members(drive).items()}
        published = drive.world.exporter.store.publication.body.plain
        await drive.clock.advance(1)
        calls = len(drive.simulator.requests)

        status, text = await post(drive)

        assert (status, text) == (200, "Reloaded: 2 accounts; 0 added, 0 removed, 0 changed.\n")
        assert {name: parts(member) for name, member in members(drive).items()} == before
        assert len(drive.simulator.requests) == calls
        assert drive.world.exporter.store.publication.body.plain == published
        metrics = await drive.metrics()
        assert one(metrics, SUCCESSFUL) == 1
        assert one(metrics, TIMESTAMP) == drive.clock.now()


# Accounts that come and go


async def test_a_removed_account_leaves_no_series_behind_and_is_asked_for_nothing_more():
    async with driven(options=TWO_EACH) as drive:
        await drive.polled()
        assert f'account="{CALLS}"' in (await drive.world.get("/metrics"))[1]
        gone = members(drive)[CALLS]
        kept = shown((await drive.world.get("/metrics"))[1], BOTS)
        edit_document(drive, without(CALLS))

        await reload(drive)
        _, text = await drive.world.get("/metrics")
        calls = len(asked(drive, CALLS))
        await drive.forward(3 * INTERVAL_SECONDS)

        assert f'"{CALLS}"' not in text + (await drive.world.get("/metrics"))[1]
        assert shown(text, BOTS) == kept != set()
        assert (await drive.world.get(f"/metrics?account={CALLS}"))[0] == 400
        assert f">{CALLS}<" not in await drive.page()
        assert len(asked(drive, CALLS)) == calls
        assert gone.loop.cancelled()
        assert gone.context._transport._session.closed
        assert not drive.lines("poll failed")


async def test_a_call_that_fails_while_an_account_is_closed_brings_no_series_of_it_back():
    async with driven(options=TWO_EACH) as drive:
        await drive.polled()
        gone = members(drive)[CALLS]
        fails = partial(gone.meter.failed, "list_tasks", Reason.UNAVAILABLE, "connection")
        gone.connections.callback(fails)
        edit_document(drive, without(CALLS))

        await reload(drive)

        assert f'"{CALLS}"' not in (await drive.world.get("/metrics"))[1]


async def test_an_added_account_is_polled_and_known_from_the_reload_on():
    async with driven(
        options=TWO_EACH, text=lambda simulator: _without(written(simulator), CALLS)
    ) as drive:
        await drive.polled()
        assert f'"{CALLS}"' not in (await drive.world.get("/metrics"))[1]
        drive.world.text = written(drive.simulator)

        found = await reload(drive)
        status, _ = await drive.world.get(f"/metrics?account={CALLS}")
        counters = of(await drive.metrics(), "outbound_exporter_api_failures_total", account=CALLS)
        await drive.polled()

        assert found.added == (CALLS,)
        assert status == 200
        assert {sample.value for sample in counters} == {0}
        assert list(drive.world.exporter.store.publication.accounts) == [
            account["name"] for account in yaml.safe_load(drive.world.text)["accounts"]
        ]
        assert one(await drive.metrics(), "outbound_account_up", account=CALLS) == 1


def _without(text, *names):
    document = yaml.safe_load(text)
    without(*names)(document)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


async def test_the_configuration_that_is_shown_is_the_one_in_force():
    async with driven(options=ONE_EACH) as drive:
        edit_document(drive, without(BOTS))
        assert await names_shown(drive) == {CALLS, BOTS}

        await reload(drive)

        assert await names_shown(drive) == {CALLS}


async def names_shown(drive):
    """Names of the accounts at ``/config``."""
    _, text = await drive.world.get("/config")
    return {account["name"] for account in yaml.safe_load(text)["accounts"]}


async def test_an_account_that_comes_back_begins_anew():
    async with driven(options=TWO_EACH) as drive:
        await drive.polled()
        edit_document(drive, without(CALLS))
        await reload(drive)
        drive.world.text = written(drive.simulator)
        before, published = len(asked(drive, CALLS)), len(drive.world.publications)
        await reload(drive)

        assert "outbound_task_" not in "".join(lines_of(drive.world.publications[published], CALLS))
        await drive.polled()

        told = of(await drive.metrics(), "outbound_exporter_api_requests_total", account=CALLS)
        assert drive.tasks(CALLS)
        assert sum(sample.value for sample in told) == len(asked(drive, CALLS)) - before > 0


async def test_each_shard_takes_its_own_part_of_what_is_new():
    own = Shard(number=shard_of(CALLS, total=2), total=2)
    options = SimulatorOptions(**TWO_EACH, automatic=False, lively=False, control_listen=None)
    async with Simulator(options) as simulator:
        whole = await asyncio.to_thread(config_of, written(simulator))
        mine = {one.name for one in whole.accounts if own.holds(one.name)}
        first = msgspec.structs.replace(
            whole, accounts=tuple(one for one in whole.accounts if one.name != CALLS)
        )

        async def load():
            return whole

        settings = Settings(
            addresses=[parse_listen_address("127.0.0.1:0")],
            shard=own,
            load=load,
            clock=FakeClock(),
            random=no_random,
        )
        async with Exporter(first, settings) as exporter:
            assert set(exporter.store.publication.accounts) == mine - {CALLS}
            found = await exporter.reload()

            assert found.added == (CALLS,)
            assert (
                set(exporter.store.publication.accounts)
                == mine
                < {one.name for one in whole.accounts}
            )


# Accounts that change


@pytest.mark.parametrize("name", [CALLS, BOTS])
async def test_an_account_that_changes_shows_its_tasks_without_a_gap(name):
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        before = shown((await drive.world.get("/metrics"))[1], name)
        details = [r for r in drive.simulator.requests if r.operation == "DescribeJobGroup"]
        counted = one(
            await drive.metrics(),
            "outbound_exporter_api_requests_total",
            account=name,
            operation="list_tasks" if name == CALLS else "ListJobGroups",
        )
        published = len(drive.world.publications)
        edit(drive, lambda accounts: accounts[name].update(refresh={"active": "20s"}))

        found = await reload(drive)
        pictures = [(await drive.world.get("/metrics"))[1]]
        await drive.forward(21)
        pictures += [*drive.world.publications[published:], (await drive.world.get("/metrics"))[1]]

        assert found.changed == {name: ("refresh.active",)}
        assert all(shown(picture, name) == before != set() for picture in pictures)
        assert all(
            f'outbound_account_up{{platform="{name.partition("-")[0]}"' in p for p in pictures
        )
        metrics = await drive.metrics()
        interval = "outbound_account_refresh_interval_seconds"
        assert one(metrics, interval, account=name, tier="active") == 20
        more = of(metrics, "outbound_exporter_api_requests_total", account=name)
        assert max(sample.value for sample in more) > counted
        # What was read one by one is not read again.
        assert details == [r for r in drive.simulator.requests if r.operation == "DescribeJobGroup"]
        assert not drive.lines("poll failed")


async def test_what_a_new_selection_or_collector_list_leaves_out_goes_with_the_reload():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        names = sorted({label_of(series, "task_name") for series in drive.tasks(CALLS)})
        change = {"tasks": {"exclude": names[0]}, "collect": ["progress"]}
        edit(drive, lambda accounts: accounts[CALLS].update(change))
        # No answer comes: what goes goes by the reload alone.
        drive.simulator.faults.set(Fault(kind="hang", account=CALLS))

        await reload(drive)

        def left():
            return {label_of(each, "task_name") for each in drive.tasks(CALLS)}

        await drive.world.until(lambda: left() == set(names[1:]))
        series = drive.tasks(CALLS)
        assert not [each for each in series if each.startswith("outbound_task_max_ringing")]


async def test_a_selection_that_leaves_nothing_leaves_no_series_of_before():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        edit(drive, lambda _: None, tasks={"include": ""})

        await reload(drive)
        await drive.forward(1)

        assert not drive.tasks(CALLS)
        assert not drive.tasks(BOTS)
        text = "\n".join(drive.world.publications[-1:])
        assert "outbound_task_" not in text
        assert "outbound_account_up" in text


async def test_instances_that_are_not_configured_any_more_go():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        first, second = drive.simulator.instances(BOTS)
        edit(drive, lambda accounts: accounts[BOTS].update(instances=[first]))

        await reload(drive)
        await drive.forward(1)

        _, text = await drive.world.get("/metrics")
        assert first in text
        assert second not in text


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "UTC"},
        {"app_id": "another"},
        {"base_url": "http://127.0.0.1:1"},
    ],
)
async def test_of_another_account_at_the_vendor_nothing_of_before_is_shown(change):
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        published = len(drive.world.publications)
        edit(drive, lambda accounts: accounts[CALLS].update(change))

        await reload(drive)

        # The first one: what it says of its own, if the vendor answers, can be there soon.
        picture = drive.world.publications[published]
        assert "outbound_task_" not in "".join(lines_of(picture, CALLS))
        assert shown(picture, BOTS)
        assert CALLS in drive.world.exporter.store.publication.accounts


async def test_an_account_that_moves_to_another_vendor_leaves_no_series_of_the_first():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        document = yaml.safe_load(drive.world.text)
        (bots,) = (each for each in document["accounts"] if each["name"] == BOTS)
        document["accounts"] = [{**bots, "name": CALLS}]
        drive.world.text = yaml.safe_dump(document)

        found = await reload(drive)
        await drive.polled()

        assert found.changed == {CALLS: ("platform",)}
        _, text = await drive.world.get("/metrics")
        assert 'platform="aliyun"' in text
        assert 'platform="dezhu"' not in text


async def test_a_mended_key_recovers_at_once():
    async with driven(options=ONE_EACH) as drive:
        good = drive.world.text
        await drive.polled()
        edit(
            drive,
            lambda accounts: accounts[BOTS]["credentials"].update(access_key_secret="wrong-4711"),
        )
        await reload(drive)
        await drive.forward(1)
        assert reasons(await drive.metrics(), BOTS) == {"auth"}
        assert drive.tasks(BOTS), "what is not too old stays"

        drive.world.text = good
        await reload(drive)
        await drive.forward(11)

        metrics = await drive.metrics()
        assert reasons(metrics, BOTS) == set()
        assert one(metrics, "outbound_account_up", account=BOTS) == 1
        assert drive.lines("poll recovered", account=BOTS)
        await drive.assert_nothing_leaks("wrong-4711")


async def test_no_number_of_reloads_makes_an_account_ask_for_more_than_its_budget():
    budget = {"requests_per_second": 1, "burst": 5, "requests_per_hour": 200, "concurrency": 2}
    text = partial(written, budget=budget)
    async with driven(options=ONE_EACH, text=text) as drive:
        for number in range(60):
            edit(
                drive,
                lambda accounts, n=number: accounts[CALLS].update(timeout=f"{5 + n}s"),
                budget=budget,
            )
            await reload(drive)
            await drive.forward(5)

        times = [record.time for record in asked(drive, CALLS)]
        assert len(times) <= 200
        assert all(sum(start <= at < start + 10 for at in times) <= 5 + 10 * 1 for start in times)


@pytest.fixture
def authorities(tmp_path):
    """Two CA files, as bytes."""
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        make(folder, "vendor.example.test")
        contents.append((folder / "ca.pem").read_bytes())
    return contents


async def test_a_tls_file_that_holds_something_else_is_a_change(tmp_path, authorities):
    file = tmp_path / "ca.pem"
    await asyncio.to_thread(file.write_bytes, authorities[0])
    change = {"tls_config": {"ca_file": str(file)}}
    text = partial(written, change=lambda accounts: accounts[CALLS].update(change))
    async with driven(options=ONE_EACH, text=text) as drive:
        same = await reload(drive)
        context = members(drive)[CALLS].context._transport._session.connector._ssl
        await asyncio.to_thread(file.write_bytes, authorities[1])
        found = await reload(drive)

        assert not same.changed
        assert found.changed == {CALLS: ("tls_config.ca_file (what the file holds)",)}
        assert members(drive)[CALLS].context._transport._session.connector._ssl is not context
        await asyncio.to_thread(file.write_bytes, b"not PEM")
        with pytest.raises(ConfigError, match=r"tls_config\.ca_file"):
            await reload(drive)


# Reloads that fail


BAD = {
    "not YAML": lambda text: text.replace("accounts:", "accounts: ["),
    "an unknown key": lambda text: text.replace("platform:", "platform_:"),
    "a key that is none": lambda text: text.replace("BEGIN", "BEGUN"),
    "an absent file": lambda text: re.sub(
        r"access_key_secret: \S+", "access_key_secret_file: /absent", text
    ),
    "a zone that is none": lambda text: f"{text}\n" + "    timezone: Nowhere/Else\n",
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_reload_that_fails_changes_nothing_and_says_so_once(bad):
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        good, loaded = drive.world.text, drive.clock.now()
        before = {name: parts(member) for name, member in members(drive).items()}
        picture = drive.world.exporter.store.publication
        own = {
            line.partition("{")[0]
            for line in lines_of((await drive.world.get("/metrics"))[1], BOTS)
        }
        # A new account that is in order is opened first, and closed again.
        document = yaml.safe_load(good)
        (calls,) = (account for account in document["accounts"] if account["name"] == CALLS)
        document["accounts"].insert(0, {**copy.deepcopy(calls), "name": "new"})
        drive.world.text = BAD[bad](yaml.safe_dump(document, sort_keys=False))
        assert drive.world.text != good
        await drive.clock.advance(1)
        log = len(drive.log.splitlines())

        status, text = await post(drive)

        assert status == 500
        assert text.startswith("The configuration before stays in force: test.yaml: ")
        assert {name: parts(member) for name, member in members(drive).items()} == before
        assert drive.world.exporter.store.publication is picture
        assert len(drive.world.exporter._fleet._open) == len(before)
        metrics = await drive.metrics()
        assert one(metrics, SUCCESSFUL) == 0
        assert one(metrics, TIMESTAMP) == pytest.approx(loaded, abs=15)
        scraped = (await drive.world.get("/metrics"))[1]
        assert '"new"' not in scraped
        assert {line.partition("{")[0] for line in lines_of(scraped, BOTS)} == own
        (line,) = drive.log.splitlines()[log:]
        assert '"level": "error"' in line
        assert text.strip().partition("force: ")[2][:60] in line
        await drive.assert_nothing_leaks()

        drive.world.text = good
        assert (await post(drive))[0] == 200
        metrics = await drive.metrics()
        assert (one(metrics, SUCCESSFUL), one(metrics, TIMESTAMP)) == (1, drive.clock.now())


async def test_a_fault_of_our_own_in_a_reload_is_logged_and_changes_nothing(monkeypatch):
    async with driven(options=ONE_EACH) as drive:
        before = {name: parts(member) for name, member in members(drive).items()}
        edit(drive, lambda accounts: accounts[CALLS].update(timeout="7s"))
        monkeypatch.setattr("exporter.member.Book", None)

        status, text = await post(drive)

        assert (status, "its log has the traceback" in text) == (500, True)
        assert {name: parts(member) for name, member in members(drive).items()} == before
        assert one(await drive.metrics(), SUCCESSFUL) == 0
        (bug,) = drive.lines("bug", where="reload")
        assert "TypeError" in bug["exception"]


@pytest.mark.parametrize("way", ["a client", "a signal"])
async def test_a_fault_of_our_own_while_a_change_is_made_ends_the_program(way, monkeypatch):
    options = SimulatorOptions(**ONE_EACH, automatic=False, lively=False, control_listen=None)
    async with Simulator(options) as simulator, aiohttp.ClientSession() as session:
        whole = await asyncio.to_thread(config_of, written(simulator))
        first = msgspec.structs.replace(whole, accounts=whole.accounts[:1])

        async def load():
            # What was there before polls no more when this fails.
            monkeypatch.setattr(Store, "arrange", lambda *_: 1 / 0)
            return msgspec.structs.replace(whole, accounts=whole.accounts[1:])

        settings = Settings(
            addresses=[parse_listen_address("127.0.0.1:0")],
            enable_lifecycle=True,
            load=load,
            clock=FakeClock(),
            random=no_random,
        )
        hang_up, listening = asyncio.Event(), asyncio.Queue()
        serving = asyncio.create_task(
            serve(
                first,
                settings,
                asyncio.Event(),
                hang_up=hang_up,
                announce=lambda urls, _: listening.put_nowait(urls[0]),
            )
        )
        url = await listening.get()
        if way == "a signal":
            hang_up.set()
        else:
            async with session.post(f"{url}/-/reload") as response:
                assert response.status == 500

        async with asyncio.timeout(5):
            await asyncio.wait([serving])
        error = serving.exception()
        assert isinstance(error, ExceptionGroup)
        assert error.split(ZeroDivisionError)[1] is None
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"{url}/-/healthy")


# What others see of it


async def test_the_log_tells_which_accounts_and_keys_changed_and_no_value():
    async with driven(options=TWO_EACH) as drive:
        await drive.polled()

        def change(accounts):
            accounts[BOTS]["credentials"]["access_key_secret"] = "rotated-4711"
            for name in (f"{BOTS}-2", f"{CALLS}-2"):
                accounts[name]["budget"] = {"burst": 9_753}

        edit(drive, change)
        edit_document(drive, without(CALLS))
        edit_document(
            drive,
            lambda document: document["accounts"].append(
                {**copy.deepcopy(document["accounts"][0]), "name": "new"}
            ),
        )
        log = len(drive.log.splitlines())
        await reload(drive)

        twos = [name for name in members(drive) if name.endswith("-2")]
        secret = "credentials.access_key_secret"
        changes = [
            {"msg": "accounts changed", "accounts": BOTS, "keys": secret},
            {"msg": "accounts changed", "accounts": ", ".join(twos), "keys": "budget.burst"},
        ]
        if next(iter(members(drive))) != BOTS:
            changes.reverse()
        rows = [
            {key: value for key, value in row.items() if key not in {"ts", "level"}}
            for row in drive.lines()[log:]
        ]
        assert rows == [
            {"msg": "accounts added", "accounts": "new"},
            {"msg": "accounts removed", "accounts": CALLS},
            *changes,
            {
                "msg": "configuration reloaded",
                "added": 1,
                "removed": 1,
                "changed": 3,
                "unchanged": 0,
            },
        ]
        assert "9753" not in str(rows)
        await drive.assert_nothing_leaks("rotated-4711")


async def test_an_exporter_that_was_ready_stays_so_whatever_a_reload_brings():
    async with AsyncExitStack() as stack:
        drive = await stack.enter_async_context(driven(options=TWO_EACH))
        await drive.polled()
        edit_document(drive, without(CALLS))
        await reload(drive)
        drive.world.text = written(drive.simulator)
        drive.simulator.faults.set(Fault(kind="status", account=CALLS, http_status=503))

        await reload(drive)

        assert not members(drive)[CALLS].poller.ready.is_set()
        assert (await drive.world.get("/-/ready"))[0] == 200


async def test_a_permission_that_was_refused_is_tried_again_by_the_changed_account():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        drive.simulator.change_access(AccessChange(account=BOTS, deny=("ListJobGroups",)))
        await drive.forward(INTERVAL_SECONDS + 5)
        assert reasons(await drive.metrics(), BOTS) == {"permission"}
        drive.simulator.change_access(AccessChange(account=BOTS, allow=("ListJobGroups",)))
        edit(drive, lambda accounts: accounts[BOTS].update(timeout="9s"))

        await reload(drive)
        await drive.forward(11)

        assert reasons(await drive.metrics(), BOTS) == set()


async def test_tasks_that_are_read_by_name_are_each_asked_for_once_after_a_change():
    async with driven(options=ONE_EACH) as drive:
        (instance, _) = drive.simulator.instances(BOTS)
        ids = [task.task_id for task in drive.simulator.world.tasks() if task.scope == instance]
        groups = [{"instance_id": instance, "job_group_id": task_id} for task_id in ids]
        edit(drive, lambda accounts: accounts[BOTS].update(job_groups=groups))
        await reload(drive)
        await drive.polled()
        await drive.forward(INTERVAL_SECONDS + 20)
        statuses = {label_of(series, "status") for series in drive.tasks(BOTS)}
        assert {"running", "completed"} <= statuses, statuses
        edit(drive, lambda accounts: accounts[BOTS].update(job_groups=groups, timeout="9s"))
        calls = len(asked(drive, BOTS))

        await reload(drive)
        await drive.forward(5)

        details = [record.operation for record in asked(drive, BOTS)[calls:]]
        assert details.count("DescribeJobGroup") == len(ids)


# Without a reload


@pytest.fixture
def other_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def test_what_secret_files_hold_is_taken_up_without_a_reload(tmp_path, other_key):
    files = {CALLS: tmp_path / "calls.pem", BOTS: tmp_path / "bots"}
    good = {}

    def in_files(accounts):
        options = {CALLS: accounts[CALLS], BOTS: accounts[BOTS]["credentials"]}
        keys = {CALLS: "private_key", BOTS: "access_key_secret"}
        for name, mine in options.items():
            good[name] = mine.pop(keys[name])
            mine[f"{keys[name]}_file"] = str(files[name])

    async def put(contents):
        for name, file in files.items():
            await asyncio.to_thread(file.write_text, contents[name], encoding="utf-8")

    await put({CALLS: other_key, BOTS: "wrong-4711"})
    async with driven(options=ONE_EACH, text=partial(written, change=in_files)) as drive:
        await drive.forward(INTERVAL_SECONDS)
        metrics = await drive.metrics()
        assert reasons(metrics, CALLS) == reasons(metrics, BOTS) == {"auth"}

        await put(good)
        await drive.forward(SLOW_RETRY_SECONDS + INTERVAL_SECONDS)
        metrics = await drive.metrics()
        assert reasons(metrics, CALLS) == reasons(metrics, BOTS) == set()

        await put({CALLS: other_key, BOTS: "wrong-4711"})
        await drive.forward(INTERVAL_SECONDS + 5)
        metrics = await drive.metrics()
        assert reasons(metrics, CALLS) == reasons(metrics, BOTS) == {"auth"}
        assert not drive.lines("configuration reloaded")
        await drive.assert_nothing_leaks("wrong-4711", good[BOTS])
