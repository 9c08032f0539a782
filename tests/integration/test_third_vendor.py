"""A third vendor is one folder and one registry entry: nothing else has to change."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import yaml
from aiohttp import web

from exporter.app import check
from exporter.errors import ConfigError
from exporter.sources import SOURCES
from tests.integration._acme import ACME
from tests.integration._drive import (
    INTERVAL_SECONDS,
    OPENMETRICS,
    codes,
    driven,
    of,
    one,
    parsed_both_ways,
    reasons,
    written,
)
from tests.integration.harness import config_of

THREE = {**SOURCES, "acme": ACME}
TOKEN = "token-of-the-third-vendor-4711"
CONFIG = """\
defaults:
  page_size: 5
accounts:
  - name: third
    platform: acme
    url: http://127.0.0.1:1
    token: token-of-the-third-vendor-4711
"""


class Acme:
    """The vendor: a list of campaigns that a test changes."""

    def __init__(self):
        self.url = ""
        self.rows = [
            {"id": f"c{number}", "title": f"Campaign {number}", "state": state, "people": 100}
            for number, state in enumerate(["on", "on", "on", "off", "over"], start=1)
        ]
        self.rows[0]["done"] = 40
        self.status = 200
        self.refused = 0

    async def campaigns(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.refused += 1
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status, text="a body that must show nowhere")
        query = request.query
        rows = [row for row in self.rows if query.get("state") in {None, row["state"]}]
        if "id" in query:
            rows = [row for row in self.rows if row["id"] == query["id"]]
        page, size = int(query.get("page", 1)), int(query.get("size", 10))
        return web.json_response(
            {"rows": rows[(page - 1) * size : page * size], "count": len(rows)}
        )


@asynccontextmanager
async def acme():
    vendor = Acme()
    application = web.Application()
    application.router.add_get("/campaigns", vendor.campaigns)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


@pytest.fixture
async def third():
    """All three vendors, polled once."""
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(acme())

        def text(simulator):
            document = yaml.safe_load(written(simulator))
            account = {"name": "third", "platform": "acme", "url": vendor.url, "token": TOKEN}
            document["accounts"].append(account)
            return yaml.safe_dump(document)

        drive = await stack.enter_async_context(
            driven(options={"tasks": 8, "aliyun_instances": 1}, text=text, sources=THREE)
        )
        await drive.polled()
        yield vendor, drive


async def test_its_series_are_exposed_like_any_others(third):
    _, drive = third
    _, text = await drive.world.get("/metrics")
    _, openmetrics = await drive.world.get("/metrics", Accept=OPENMETRICS)
    plain, other = parsed_both_ways(text, openmetrics)
    assert plain == other
    metrics = await drive.metrics()
    assert one(metrics, "outbound_account_up", platform="acme", account="third") == 1
    customers = of(metrics, "outbound_task_customers", platform="acme")
    assert {sample.labels["task_id"]: sample.labels["status"] for sample in customers} == {
        "c1": "running",
        "c2": "running",
        "c3": "running",
        "c4": "paused",
        "c5": "completed",
    }
    (done,) = of(metrics, "outbound_task_completed_customers", platform="acme")
    assert (done.labels["task_id"], done.value) == ("c1", 40), "what is absent has no series"
    assert one(metrics, "outbound_account_tasks", account="third", status="running") == 3
    calls = one(metrics, "outbound_exporter_api_requests_total", platform="acme", operation="list")
    assert calls >= 4, "three tiers, one of them on two pages"
    locked = of(metrics, "outbound_exporter_api_failures_total", account="third", code="locked")
    assert [sample.value for sample in locked] == [0, 0], "known codes begin at 0"
    status, narrow = await drive.world.get("/metrics?account=third")
    assert status == 200
    assert "Campaign 1" in narrow
    assert "dezhu" not in narrow


async def test_its_health_and_its_tasks_are_on_the_page(third):
    vendor, drive = third
    page = await drive.page()
    assert "third" in page
    assert "acme" in page
    assert "Campaign 1" in page
    vendor.status = 423
    await drive.forward(INTERVAL_SECONDS + 2)
    assert "acme has locked the account" in await drive.page()
    metrics = await drive.metrics()
    assert one(metrics, "outbound_account_up", account="third") == 0
    assert reasons(metrics, "third") == {"permission"}
    assert codes(metrics, "third") == {("permission", "locked")}
    for name in ("dezhu-demo", "aliyun-demo"):
        assert one(metrics, "outbound_account_up", account=name) == 1
    vendor.status = 200
    await drive.until(lambda: drive.up("third") is True, within=305)
    await drive.assert_nothing_leaks(TOKEN, "a body that must show nowhere")


async def test_its_campaigns_are_followed_from_tier_to_tier(third):
    vendor, drive = third
    vendor.rows[0]["state"] = "over"
    del vendor.rows[1]
    await drive.forward(INTERVAL_SECONDS + 2)
    customers = of(await drive.metrics(), "outbound_task_customers", platform="acme")
    assert {sample.labels["task_id"]: sample.labels["status"] for sample in customers} == {
        "c1": "completed",
        "c3": "running",
        "c4": "paused",
        "c5": "completed",
    }
    assert vendor.refused == 0


async def test_its_options_are_read_and_its_check_is_run():
    config = await asyncio.to_thread(config_of, CONFIG, THREE)
    (account,) = config.accounts
    assert account.platform == "acme"
    assert account.options.page_size == 5, "a key of its own may stand in defaults"
    assert TOKEN not in repr(config)
    await check(config, THREE)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ("    colour: red", "accounts[0].colour", "unknown key"),
        ("    page_siz: 3", "accounts[0].page_siz", "page_size"),
        ("    page_size: many", "accounts[0].page_size", "expected"),
        ("    page_size: 11", "accounts[0].page_size", "10"),
        ("    app_id: x", "accounts[0].app_id", "is a key of platform dezhu, not of acme"),
        ("    timeout: soon", "accounts[0].timeout", "expected"),
    ],
)
def test_its_options_are_checked_with_file_and_path(change, path, words):
    with pytest.raises(ConfigError) as caught:
        config_of(CONFIG + change + "\n", THREE)
    assert str(caught.value).startswith(f"test.yaml: {path}: ")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("url: http://127.0.0.1:1", "url: ftp://x", "accounts[0].url", "expected an http URL"),
        ("    url: http://127.0.0.1:1\n", "", "accounts[0].url", "missing"),
        (f"token: {TOKEN}", "token: 17", "accounts[0].token", "expected"),
        ("platform: acme", "platform: acne", "accounts[0].platform", "acme"),
        ("page_size: 5", "page_size: 99", "defaults.page_size", "expected"),
        ("page_size: 5", f"token: {TOKEN}", "defaults.token", "belongs in each account"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(old, new, where, words):
    assert old in CONFIG
    with pytest.raises(ConfigError) as caught:
        config_of(CONFIG.replace(old, new), THREE)
    assert str(caught.value).startswith(f"test.yaml: {where}: ")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_without_the_registry_entry_nothing_knows_it():
    with pytest.raises(ConfigError, match="unknown platform"):
        config_of(CONFIG.replace("  page_size: 5", "  timeout: 5s"), SOURCES)
