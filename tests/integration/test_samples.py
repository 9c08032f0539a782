"""The vendors' own samples through the whole exporter: every byte of what they become.

``tests/data/expected`` holds the vendor series at two moments, worked out by hand from the samples
and the table of metrics in the contract. At 10:00 on 15 January 2020 in Shanghai the job group may
call and the Dezhu task has yet to begin; at 12:00 on 1 October 2020 the Dezhu task may call and the
job group is over.
"""

import asyncio
import datetime
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import aiohttp
import msgspec
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exporter.app import Exporter, Settings
from exporter.config.model import COLLECTORS
from exporter.domain import Tier
from exporter.exposition import OPENMETRICS, TEXT
from exporter.web import parse_listen_address
from tests.fakes import FakeClock, no_random
from tests.integration.harness import PLENTY, WAIT_SECONDS, config_of, text_of

TESTS = Path(__file__).parent.parent
SAMPLES = TESTS / "sources" / "samples"
EXPECTED = TESTS / "data" / "expected"
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
MOMENTS = {
    "samples-2020-01-15": datetime.datetime(2020, 1, 15, 10, tzinfo=SHANGHAI),
    "samples-2020-10-01": datetime.datetime(2020, 10, 1, 12, tzinfo=SHANGHAI),
}
# What the vendors' clocks are ahead of ours.
AHEAD_SECONDS = {"dezhu": 2, "aliyun": -3}
# The second account begins so much later; the first one's calls take as long.
STAGGER_SECONDS = 0.25


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {file.stem: file.read_bytes() for file in SAMPLES.glob("*.json")}


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Vendors:
    """Both vendors on one plain server, that answers with the samples as they are."""

    def __init__(self, samples: dict[str, bytes], clock: FakeClock) -> None:
        self._samples = samples
        self._clock = clock
        self.may_answer = asyncio.Event()
        self.all_tiers_asked = asyncio.Event()
        self.asked: list[dict[str, str]] = []

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/speech/openapi/v1/task/outbound/page", self._tasks)
        app.router.add_get("/", self._job_group)
        return app

    def _answer(self, vendor: str, body: bytes) -> web.Response:
        date = formatdate(self._clock.now() + AHEAD_SECONDS[vendor], usegmt=True)
        headers = {"Date": date, "Content-Type": "application/json;charset=UTF-8"}
        return web.Response(body=body, headers=headers)

    async def _tasks(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        if len(self.asked) == len(Tier):
            self.all_tiers_asked.set()
        await self.may_answer.wait()
        status = query.get("taskStatus")
        sample = self._samples["dezhu-task-page"]
        if status not in {None, "3"} or query["pageNum"] != "1":
            whole = msgspec.json.decode(sample)
            whole["data"] = {"total": 0, "list": []}
            sample = msgspec.json.encode(whole)
        return self._answer("dezhu", sample)

    async def _job_group(self, request: web.Request) -> web.Response:
        query = {**request.query, "action": request.headers["x-acs-action"]}
        self.asked.append(query)
        return self._answer("aliyun", self._samples["aliyun-describe-job-group"])


def configuration(url: str, job_group_id: str, private_key: str) -> str:
    collections = {
        "name": "collections",
        "platform": "dezhu",
        "base_url": url,
        "app_id": "app",
        "private_key": private_key,
    }
    bots = {
        "name": "bots",
        "platform": "aliyun",
        "endpoint": url,
        "credentials": {"type": "access_key", "access_key_id": "id", "access_key_secret": "s"},
        "job_groups": [{"instance_id": "instance-1", "job_group_id": job_group_id}],
    }
    defaults = {
        # Of concurrency the vendor documents no sample.
        "collect": [name for name in COLLECTORS if name != "concurrency"],
        "tasks": {"finished_within": "365d"},
        "budget": PLENTY,
    }
    return yaml.safe_dump({"defaults": defaults, "accounts": [collections, bots]})


@asynccontextmanager
async def read_at(moment: datetime.datetime, samples, private_key):
    """An exporter that has read both samples at ``moment``, and the vendors."""
    async with AsyncExitStack() as stack:
        clock = FakeClock(moment.timestamp() - STAGGER_SECONDS)
        vendors = Vendors(samples, clock)
        server = await stack.enter_async_context(TestServer(vendors.application()))
        group = msgspec.json.decode(samples["aliyun-describe-job-group"])["JobGroup"]
        url = f"http://{server.host}:{server.port}"
        text = configuration(url, group["JobGroupId"], private_key)
        address = parse_listen_address("127.0.0.1:0")
        exporter = Exporter(
            await asyncio.to_thread(config_of, text),
            Settings(addresses=[address], clock=clock, random=no_random),
        )
        await stack.enter_async_context(exporter)
        async with asyncio.timeout(WAIT_SECONDS):
            await vendors.all_tiers_asked.wait()
            await clock.advance(STAGGER_SECONDS)
            vendors.may_answer.set()
            await until_published(exporter)
        yield exporter, vendors


LAST = [
    *(
        f'outbound_account_poll_duration_seconds{{platform="{platform}",account="{account}"'
        f',tier="{tier}"}}'
        for platform, account in (("dezhu", "collections"), ("aliyun", "bots"))
        for tier in Tier
    ),
    'outbound_task_info{platform="dezhu"',
    'outbound_task_info{platform="aliyun"',
    'outbound_account_unclassified_tasks{platform="dezhu"',
    'outbound_account_details_outstanding{platform="aliyun"',
]
"""Beginnings of what is published last: nothing changes any more while the clock stands."""


async def until_published(exporter):
    while True:
        text = text_of(exporter.store.publication)
        if all(f"\n{beginning}" in text for beginning in LAST):
            return
        await exporter.store.published()


async def scraped(exporter, path, **headers):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{exporter.urls[0]}{path}", headers=headers) as response,
    ):
        assert response.status == 200
        return response.headers["Content-Type"], await response.read()


@pytest.mark.parametrize("name", MOMENTS)
async def test_the_samples_of_the_vendors_become_exactly_these_bytes(name, samples, private_key):
    expected = await asyncio.to_thread((EXPECTED / f"{name}.prom").read_bytes)
    both = "?account=collections&account=bots"

    async with read_at(MOMENTS[name], samples, private_key) as (exporter, _):
        plain = await scraped(exporter, f"/metrics{both}")
        openmetrics = await scraped(exporter, f"/metrics{both}", Accept=OPENMETRICS)
        whole = [
            (await scraped(exporter, "/metrics", Accept=accept))[1]
            for accept in (TEXT, OPENMETRICS)
        ]

    assert plain[1].decode().splitlines() == expected.decode().splitlines()
    assert plain == (TEXT, expected)
    assert openmetrics == (OPENMETRICS, expected + b"# EOF\n")
    # Before the exporter's own metrics, and after them nothing of a vendor.
    for text in whole:
        assert text.startswith(expected + b"# HELP process_")
        assert b"outbound_task_" not in text[len(expected) :]


async def test_the_samples_are_read_with_as_few_calls_as_there_are_lists(samples, private_key):
    async with read_at(MOMENTS["samples-2020-01-15"], samples, private_key) as (_, vendors):
        whole_pages = [asked for asked in vendors.asked if asked.get("pageSize") == "100"]
        described = [asked for asked in vendors.asked if "action" in asked]

    assert sorted(asked["taskStatus"] for asked in whole_pages) == ["1", "2", "3", "4", "5", "6"]
    assert [(asked["action"], asked["InstanceId"]) for asked in described] == [
        ("DescribeJobGroup", "instance-1")
    ]
