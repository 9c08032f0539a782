import asyncio
import threading

from exporter.telemetry import Telemetry
from tests.web.making import SlowClient, big_store, plain, port_of, put, task, two_accounts, view


class BlockedTelemetry(Telemetry):
    """Self-metrics that take until the test says so."""

    def __init__(self, loop):
        super().__init__()
        self.asked = asyncio.Event()
        self.go = threading.Event()
        self.loop = loop

    def text(self):
        self.loop.call_soon_threadsafe(self.asked.set)
        self.go.wait(10)
        return super().text()


async def status_of_next(client, status, path="/metrics?account=big"):
    """The first answer with that status; those before it are 200 or 503."""
    for _ in range(5000):
        response = await client.get(path)
        response.close()
        if response.status == status:
            return response
    raise AssertionError(f"never {status}")


async def admitted(port):
    """A client whose scrape runs; those that were there before it may still be leaving."""
    for _ in range(5000):
        slow = await SlowClient.sent(port)
        if "Retry-After" not in await slow.headers():
            return slow
        await slow.leave()
    raise AssertionError("never admitted")


async def test_one_picture_is_sent_though_another_is_published_while_the_end_is_made(serve):
    store = await two_accounts()
    before = plain(store)
    telemetry = await asyncio.to_thread(BlockedTelemetry, asyncio.get_running_loop())
    client = await serve(store, telemetry=telemetry)
    scrape = asyncio.create_task(client.get("/metrics"))
    await telemetry.asked.wait()
    store.remove("west")
    await store.publish()
    telemetry.go.set()
    body = await (await scrape).read()
    assert body.startswith(before)
    assert f"outbound_exporter_exposition_bytes {float(len(before))}".encode() in body


async def test_a_client_that_leaves_before_the_first_byte_harms_nobody(serve, caplog):
    telemetry = await asyncio.to_thread(BlockedTelemetry, asyncio.get_running_loop())
    client = await serve(await two_accounts(), telemetry=telemetry, max_requests=1)
    gone = await SlowClient.sent(port_of(client))
    await telemetry.asked.wait()
    await gone.leave()
    # An answer to another client comes after the loop has seen the first one leave.
    assert (await client.get("/-/healthy")).status == 200
    telemetry.go.set()
    await status_of_next(client, 200, "/metrics")
    assert not caplog.records


async def test_a_slow_client_gets_the_old_picture_whole(serve):
    store = await big_store()
    expected = plain(store)
    client = await serve(store)
    slow = await SlowClient.sent(port_of(client))
    headers = await slow.headers()
    put(store, view("east", tasks=(task(1),)))
    store.remove("big")
    await store.publish()
    body = await slow.body(int(headers["Content-Length"]))
    assert body[: len(expected)] == expected
    assert "east" in await (await client.get("/metrics")).text()
    await slow.close()


async def test_over_the_limit_is_refused_until_a_client_leaves(serve):
    client = await serve(await big_store(), max_requests=2)
    slow = [await SlowClient.sent(port_of(client)) for _ in range(2)]
    for one in slow:
        await one.headers()
    refused = await client.get("/metrics")
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.content_type == "text/plain"
    assert "--web.max-requests" in await refused.text()
    assert (await client.get("/-/healthy")).status == 200
    await slow[0].leave()
    await status_of_next(client, 200)
    await slow[1].leave()


async def test_a_client_that_leaves_early_harms_nobody(serve, caplog):
    store = await big_store()
    client = await serve(store, max_requests=1)
    for _ in range(3):
        slow = await admitted(port_of(client))
        await slow.body(1000)
        await slow.leave()
        await status_of_next(client, 200)
    await status_of_next(client, 200)
    assert not caplog.records


async def test_a_client_that_does_not_read_loses_its_connection_and_its_slot(serve):
    client = await serve(await big_store(), max_requests=1, write_seconds=0.2)
    slow = await SlowClient.sent(port_of(client))
    size = int((await slow.headers())["Content-Length"])
    slow.pause()
    refused = await client.get("/metrics")
    assert refused.status == 503
    await status_of_next(client, 200)
    slow.resume()
    try:
        received = len(await slow.rest())
    except ConnectionResetError:
        received = 0
    assert received < size
    await slow.leave()
