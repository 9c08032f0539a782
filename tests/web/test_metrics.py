import asyncio
import gzip
import re
import threading

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.exposition import OPENMETRICS, TEXT
from exporter.store import Store
from tests.web.making import SlowClient, big_store, plain, port_of, two_accounts

ASK_OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5"}
ASK_GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
async def client(serve):
    return await serve(await two_accounts())


def names(text, parse):
    return [family.name for family in parse(text)]


@pytest.mark.parametrize(
    ("headers", "parse", "content_type"),
    [({}, text_families, TEXT), (ASK_OPENMETRICS, openmetrics_families, OPENMETRICS)],
)
async def test_both_formats_parse_and_have_each_family_once(client, headers, parse, content_type):
    response = await client.get("/metrics", headers=headers)
    found = names(await response.text(), parse)
    assert response.headers["Content-Type"] == content_type
    assert len(found) == len(set(found))
    assert {"outbound_task_customers", "outbound_account_up"} <= set(found)
    assert any(name.startswith("outbound_exporter_build") for name in found)


async def test_no_family_is_interleaved_with_another(client):
    text = await (await client.get("/metrics")).text()
    families = []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            families.append(line.split()[2])
        elif not line.startswith("#"):
            assert re.match(re.escape(families[-1]) + r"(_bucket|_count|_sum|_total)?[{ ]", line)
    assert len(families) == len(set(families))


async def test_samples_are_those_of_the_tasks(client):
    families = text_families(await (await client.get("/metrics")).text())
    samples = [s for family in families for s in family.samples]
    customers = {
        (s.labels["account"], s.labels["task_id"]): s.value
        for s in samples
        if s.name == "outbound_task_customers"
    }
    assert customers == {("east", "1"): 1000, ("east", "2"): 1000, ("west", "3"): 1000}


@pytest.mark.parametrize("headers", [{}, ASK_OPENMETRICS])
async def test_gzip_holds_the_same_vendor_part_byte_for_byte(serve, headers):
    store = await two_accounts()
    client = await serve(store)
    response = await client.get("/metrics", headers={**headers, **ASK_GZIP})
    compressed = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(compressed)
    text = gzip.decompress(compressed)
    vendor = plain(store)
    assert text.startswith(vendor)
    parse = openmetrics_families if headers else text_families
    assert "outbound_exporter_exposition_bytes" in names(text.decode(), parse)


@pytest.mark.parametrize("coding", ["gzip;q=0", "identity", "br"])
async def test_plain_is_sent_where_gzip_is_refused(client, coding):
    response = await client.get("/metrics", headers={"Accept-Encoding": coding})
    body = await response.read()
    assert "Content-Encoding" not in response.headers
    assert int(response.headers["Content-Length"]) == len(body)


async def test_answers_vary_by_what_was_negotiated(client):
    response = await client.get("/metrics")
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("headers", [{}, ASK_GZIP])
async def test_head_has_the_headers_of_get_and_no_body(serve, headers):
    client = await serve(await two_accounts())
    path = "/metrics?account=east"
    wanted = await client.get(path, headers=headers)
    await wanted.read()
    response = await client.head(path, headers=headers)
    assert await response.read() == b""
    assert response.status == 200
    kept = ("Content-Length", "Content-Type", "Content-Encoding", "Vary")
    assert [response.headers.get(k) for k in kept] == [wanted.headers.get(k) for k in kept]
    assert (await client.get("/-/healthy")).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(client, method):
    response = await client.request(method, "/metrics")
    assert response.status == 405
    assert response.headers["Allow"] == "GET,HEAD"


async def test_account_narrows_to_vendor_series_of_those_accounts(client):
    text = await (await client.get("/metrics?account=east&theme=dark")).text()
    accounts = {s.labels["account"] for f in text_families(text) for s in f.samples}
    assert accounts == {"east"}
    assert "outbound_exporter_" not in text
    assert "process_" not in text


@pytest.mark.parametrize("headers", [ASK_OPENMETRICS, {**ASK_OPENMETRICS, **ASK_GZIP}])
async def test_several_accounts_in_openmetrics_end_with_eof(client, headers):
    response = await client.get("/metrics?account=west&account=east", headers=headers)
    body = await response.read()
    text = (gzip.decompress(body) if ASK_GZIP.items() <= headers.items() else body).decode()
    families = list(openmetrics_families(text))
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert {s.labels["account"] for f in families for s in f.samples} == {"east", "west"}


@pytest.mark.parametrize("query", ["account=north", "account=east&account=north%3Cb%3E\u00e9"])
async def test_an_unknown_account_is_refused_with_the_known_ones(client, query):
    response = await client.get(f"/metrics?{query}")
    text = await response.text()
    assert response.status == 400
    assert response.content_type == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert text.isascii()
    assert "north" in text
    assert "Known are: 'east', 'west'." in text


async def test_nothing_published_yet_still_shows_the_exporter_itself(serve):
    client = await serve(Store())
    text = await (await client.get("/metrics")).text()
    assert "outbound_exporter_exposition_series 0.0" in text
    refused = await client.get("/metrics?account=a")
    assert "none yet" in await refused.text()


async def test_size_of_the_exposition_is_told_in_the_same_scrape(serve):
    store = await two_accounts()
    client = await serve(store)
    values = {
        s.name: s.value
        for f in text_families(await (await client.get("/metrics")).text())
        for s in f.samples
    }
    assert values["outbound_exporter_exposition_bytes"] == len(plain(store))
    assert values["outbound_exporter_exposition_series"] == store.publication.body.samples


@pytest.mark.parametrize("headers", [{}, ASK_GZIP])
async def test_a_big_body_is_sent_whole(serve, headers):
    store = await big_store()
    client = await serve(store)
    response = await client.get("/metrics", headers=headers)
    body = await response.read()
    assert int(response.headers["Content-Length"]) == len(body)
    text = gzip.decompress(body) if headers else body
    expected = plain(store)
    assert len(expected) > 30_000_000
    assert text[: len(expected)] == expected
    assert text[len(expected) :].startswith(b"# HELP ")


async def test_connections_are_kept_for_the_next_scrape(client):
    first = await SlowClient.sent(port_of(client), "/metrics?account=east")
    body = await first.body(int((await first.headers())["Content-Length"]))
    first.send("/metrics?account=east")
    assert await first.body(int((await first.headers())["Content-Length"])) == body
    await first.close()


async def test_threads_of_scrapes_end_with_the_last_of_them(serve):
    client = await serve(await two_accounts())
    await (await client.get("/metrics")).read()
    for thread in threading.enumerate():
        if thread.name.startswith("scrape"):
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()
    assert (await client.get("/metrics")).status == 200
