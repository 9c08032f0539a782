"""A scrape of the whole exporter, as Prometheus and its tools see it."""

import asyncio
import gzip
import math
import re

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.domain import Tier
from exporter.exposition import OPENMETRICS, TEXT
from exporter.families import ACCOUNT_FAMILIES, FAMILIES
from exporter.reply import TRANSPORT_CODES
from exporter.sources import SOURCES
from tests.integration._drive import INTERVAL_SECONDS, driven
from tests.integration.harness import text_of

PARSE = {TEXT: text_families, OPENMETRICS: openmetrics_families}
PLATFORMS = {"dezhu": "dezhu-demo", "aliyun": "aliyun-demo"}
# No credential of the simulator expires.
NOT_HERE = {"outbound_account_credential_expiry_timestamp_seconds"}
OPERATION = ("platform", "account", "operation")
SELF_METRICS = {
    "outbound_exporter_build_info": ("version", "pythonversion"),
    "outbound_exporter_config_last_reload_successful": (),
    "outbound_exporter_config_last_reload_success_timestamp_seconds": (),
    "outbound_exporter_api_requests_total": OPERATION,
    "outbound_exporter_api_failures_total": (*OPERATION, "reason", "code"),
    "outbound_exporter_api_request_duration_seconds_bucket": (*OPERATION, "le"),
    "outbound_exporter_api_request_duration_seconds_sum": OPERATION,
    "outbound_exporter_api_request_duration_seconds_count": OPERATION,
    "outbound_exporter_api_retries_total": OPERATION,
    "outbound_exporter_api_throttled_total": OPERATION,
    "outbound_exporter_api_budget_requests_per_second": ("platform", "account"),
    "outbound_exporter_api_budget_remaining": ("platform", "account", "window"),
    "outbound_exporter_polls_skipped_total": ("platform", "account", "tier"),
    "outbound_exporter_exposition_bytes": (),
    "outbound_exporter_exposition_series": (),
}


class Live:
    """A world and what is scraped from it."""

    def __init__(self, world):
        self.world = world

    async def get(self, path="/metrics", **headers):
        """Status, headers and the body as it was sent."""
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(
                self.world.url + path, headers={"Accept-Encoding": "identity", **headers}
            ) as response,
        ):
            return response.status, response.headers, await response.read()

    async def text(self, path="/metrics", **headers):
        status, _, body = await self.get(path, **headers)
        assert status == 200
        return body.decode()

    @property
    def vendor_part(self):
        return text_of(self.world.exporter.store.publication)


@pytest.fixture
async def live():
    """Both vendors, every collector on, each tier polled twice and nothing under way."""
    async with driven(options={"tasks": 30, "sts": True}) as drive:
        await drive.polled()
        # What no filter finds is counted once all tiers are known.
        await drive.forward(INTERVAL_SECONDS)
        yield Live(drive.world)


def samples_of(text, parse=text_families):
    return [sample for family in parse(text) for sample in family.samples]


@pytest.mark.binary("promtool")
@pytest.mark.parametrize("path", ["/metrics", "/metrics?account=dezhu-demo&account=aliyun-demo"])
async def test_promtool_has_nothing_to_say(live, path):
    text = await live.text(path)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(text.encode()), 15)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert output.decode() == ""
    assert process.returncode == 0


@pytest.mark.parametrize("accept", PARSE)
async def test_each_format_is_read_by_its_parser_and_says_the_same(live, accept):
    text = await live.text(Accept=accept)
    found = samples_of(text, PARSE[accept])
    plain = samples_of(live.vendor_part)

    vendor = [
        sample for sample in found if re.match("outbound_(task|account|instance)_", sample.name)
    ]
    assert [(s.name, s.labels, s.value) for s in vendor] == [
        (s.name, s.labels, s.value) for s in plain
    ]
    assert len(plain) > 500
    assert text.endswith("# EOF\n") == (accept == OPENMETRICS)


@pytest.mark.parametrize("accept", PARSE)
async def test_each_family_is_described_once_and_its_samples_stand_together(live, accept):
    described: dict[str, list[str]] = {}
    family = ""
    for line in (await live.text(Accept=accept)).splitlines():
        if line == "# EOF":
            break
        if line.startswith("# "):
            _, word, family, _ = line.split(" ", 3)
            assert word not in described.setdefault(family, []), f"twice: {line}"
            described[family].append(word)
        else:
            name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", line)[0]
            assert re.fullmatch(re.escape(family) + "(_bucket|_sum|_count|_total|_info)?", name)
    assert all(words == ["HELP", "TYPE"] for words in described.values())


@pytest.mark.parametrize("accept", PARSE)
async def test_no_series_stands_twice_and_no_value_is_nan(live, accept):
    text = await live.text(Accept=accept)
    found = samples_of(text, PARSE[accept])

    keys = {(sample.name, frozenset(sample.labels.items())) for sample in found}
    assert len(keys) == len(found)
    assert not [sample for sample in found if math.isnan(sample.value)]
    assert all(sample.timestamp is None for sample in found)
    assert not [sample for sample in found if sample.name.endswith("_created")]


@pytest.mark.parametrize("accept", PARSE)
async def test_gzip_carries_the_same_vendor_bytes(live, accept):
    _, headers, body = await live.get(**{"Accept": accept, "Accept-Encoding": "gzip"})
    vendor = live.vendor_part.encode()

    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body).startswith(vendor)
    assert (await live.get(Accept=accept))[2].startswith(vendor)
    assert len(body) < len(vendor) / 2


@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("accept", PARSE)
@pytest.mark.parametrize("account", PLATFORMS.values())
async def test_one_account_is_its_vendor_series_and_nothing_else(live, account, accept, coding):
    path = f"/metrics?account={account}"
    _, _, body = await live.get(path, **{"Accept": accept, "Accept-Encoding": coding})
    text = (gzip.decompress(body) if coding == "gzip" else body).decode()

    mine = [s for s in samples_of(live.vendor_part) if s.labels["account"] == account]
    assert samples_of(text, PARSE[accept]) == mine
    assert mine


async def test_an_account_that_is_not_there_is_refused_with_the_known_ones(live):
    status, _, body = await live.get("/metrics?account=dezhu-demo&account=nobody")

    assert status == 400
    assert b"nobody" in body
    assert all(account.encode() in body for account in PLATFORMS.values())


async def test_every_family_of_the_table_is_there_with_exactly_its_labels(live):
    labels: dict[str, set[tuple[str, ...]]] = {}
    for sample in samples_of(live.vendor_part):
        labels.setdefault(sample.name, set()).add(tuple(sample.labels))

    wanted = {f.name: {f.label_names} for f in FAMILIES if f.name not in NOT_HERE}
    assert labels == wanted
    helps = {family.name: family.help for family in FAMILIES}
    assert all(
        family.documentation == helps[family.name] and family.type == "gauge"
        for family in text_families(live.vendor_part)
    )


async def test_the_families_of_an_account_are_those_of_its_vendor(live):
    found: dict[str, set[str]] = {}
    for sample in samples_of(live.vendor_part):
        found.setdefault(sample.name, set()).add(sample.labels["platform"])
        assert PLATFORMS[sample.labels["platform"]] == sample.labels["account"]

    for family in ACCOUNT_FAMILIES:
        if family.name not in NOT_HERE:
            vendors = {name for name in PLATFORMS if getattr(family, name)}
            assert found[family.name] == vendors, family.name


async def test_the_exporter_tells_everything_of_itself_with_the_right_labels(live):
    found = samples_of(await live.text())
    labels: dict[str, set[tuple[str, ...]]] = {}
    values = {}
    for sample in found:
        if sample.name.startswith("outbound_exporter_"):
            labels.setdefault(sample.name, set()).add(tuple(sorted(sample.labels)))
            values[sample.name] = sample.value

    # A field counts only once it holds a value that is not known.
    labels.pop("outbound_exporter_unknown_values_total", None)
    assert labels == {name: {tuple(sorted(names))} for name, names in SELF_METRICS.items()}
    assert values["outbound_exporter_exposition_series"] == len(samples_of(live.vendor_part))
    assert values["outbound_exporter_exposition_bytes"] == len(live.vendor_part.encode())
    assert values["outbound_exporter_config_last_reload_successful"] == 1
    others = {s.name for s in found if not s.name.startswith("outbound_")}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= others
    assert all(name.startswith("process_") or name == "python_info" for name in others)


async def test_calls_are_counted_as_the_vendors_saw_them(live):
    found = samples_of(await live.text())
    for platform, account in PLATFORMS.items():
        counted = sum(
            sample.value
            for sample in found
            if sample.name == "outbound_exporter_api_requests_total"
            and sample.labels["account"] == account
        )
        seen = [row for row in live.world.simulator.requests if row.account == account]
        assert counted == len(seen) > 0, platform


async def test_all_that_is_known_of_an_account_starts_at_0():
    # The clock stands, so only the first account begins to poll.
    options = {"tasks": 4, "dezhu_accounts": 2, "aliyun_accounts": 2}
    async with driven(options=options) as drive:
        found = samples_of(await Live(drive.world).text())
        first, *waiting = drive.simulator.accounts

    assert [account.platform for account in waiting] == ["dezhu", "aliyun", "aliyun"]
    for account in waiting:
        mine = [s for s in found if s.labels.get("account") == account.name]
        assert {s.labels["platform"] for s in mine} == {account.platform}
        counted = {
            (s.name, frozenset(s.labels.items() - {"platform": account.platform}.items())): s.value
            for s in mine
            if s.name.startswith("outbound_exporter_") and "le" not in s.labels
            # What the account may ask of its vendor is never 0.
            if "budget" not in s.name
        }
        assert counted == dict.fromkeys(known_of(account.name, SOURCES[account.platform]), 0.0)
    assert not [s for s in found if s.name.endswith("unknown_values_total")]
    assert first.name not in {account.name for account in waiting}


def known_of(account, kind):
    """Names and labels that are there before anything happened."""

    def series(name, **labels):
        return f"outbound_exporter_{name}", frozenset({"account": account, **labels}.items())

    for operation in kind.operations:
        yield series("api_requests_total", operation=operation)
        yield series("api_retries_total", operation=operation)
        yield series("api_throttled_total", operation=operation)
        yield series("api_request_duration_seconds_count", operation=operation)
        yield series("api_request_duration_seconds_sum", operation=operation)
        for code, reason in {**kind.codes, **TRANSPORT_CODES}.items():
            yield series("api_failures_total", operation=operation, reason=reason.value, code=code)
    for tier in Tier:
        yield series("polls_skipped_total", tier=tier.value)
