import asyncio
import contextlib
import errno
import socket

import pytest
from aiohttp import ClientConnectionError, web

from exporter.errors import ConfigError
from exporter.store import Store
from exporter.web import ListenAddress, Server, create_app, parse_listen_address
from tests.web.making import SlowClient, a_site, big_store, plain, two_accounts

LOOPBACK = ListenAddress("127.0.0.1", 0)


def port_of(server):
    return int(server.addresses[0].rpartition(":")[2])


async def refused(session, url):
    """Wait until nobody accepts there any more."""
    try:
        while True:
            async with session.get(f"{url}/-/healthy"):
                pass
    except ClientConnectionError:
        return


async def app_of(store, **changes):
    return create_app(await a_site(store, **changes))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":9877", "", 9877),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:65535", "localhost", 65535),
        ("a-b_c.example:80", "a-b_c.example", 80),
        ("[::]:9877", "::", 9877),
        ("[fe80::1%eth0]:9877", "fe80::1%eth0", 9877),
    ],
)
def test_addresses_are_read_and_written_alike(text, host, port):
    address = parse_listen_address(text)
    assert address == ListenAddress(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected host:port"),
        ("9877", "expected host:port"),
        ("localhost", "expected host:port"),
        ("*:9877", "expected host:port"),
        ("http://localhost:9877", "needs brackets"),
        ("::1:9877", "needs brackets"),
        ("[127.0.0.1]:9877", "no IPv6 address in the brackets"),
        ("[]:9877", "no IPv6 address in the brackets"),
        ("[::1]", "needs brackets"),
        ("localhost:", "a number from 0 to 65535"),
        (":65536", "a number from 0 to 65535"),
        (":99999999999999999999", "a number from 0 to 65535"),
        (":-1", "a number from 0 to 65535"),
        (":\u0661", "a number from 0 to 65535"),
        (" :9877", "expected host:port"),
    ],
)
def test_what_is_no_address_is_refused_with_what_was_expected(text, words):
    with pytest.raises(ConfigError) as caught:
        parse_listen_address(text)
    assert words in str(caught.value)
    assert str(caught.value).startswith("--web.listen-address: ")


async def test_a_free_port_is_picked_and_told(session):
    async with Server(await app_of(await two_accounts()), [LOOPBACK, LOOPBACK]) as server:
        assert len(set(server.addresses)) == 2
        for url in server.addresses:
            async with session.get(f"{url}/-/healthy") as response:
                assert response.status == 200


async def test_no_host_means_all_interfaces_on_one_port(session):
    async with Server(await app_of(Store()), [parse_listen_address(":0")]) as server:
        port = port_of(server)
        assert server.addresses[0] == f"http://0.0.0.0:{port}"
        assert set(server.addresses[1:]) <= {f"http://[::]:{port}"}
        async with session.get(f"http://127.0.0.1:{port}/-/healthy") as response:
            assert response.status == 200


async def test_a_host_name_is_resolved(session):
    app = await app_of(Store())
    async with Server(app, [parse_listen_address("localhost:0")]) as server:
        response = await session.get(f"{server.addresses[0]}/-/healthy")
        assert await response.text() == "ok"


async def test_all_interfaces_do_without_an_address_family_the_machine_lacks(monkeypatch):
    bind = socket.socket.bind

    def without_v6(opened, where):
        if opened.family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no")
        bind(opened, where)

    monkeypatch.setattr(socket.socket, "bind", without_v6)
    async with Server(await app_of(Store()), [ListenAddress("", 0)]) as server:
        assert [url.rpartition(":")[0] for url in server.addresses] == ["http://0.0.0.0"]
    with pytest.raises(ConfigError, match="this machine has no such address"):
        async with Server(await app_of(Store()), [ListenAddress("::1", 0)]):
            pass


async def test_another_port_is_picked_when_the_first_is_free_for_one_family_only(monkeypatch):
    bind = socket.socket.bind
    refusals = [OSError(errno.EADDRINUSE, "no")] * 3

    def refusing(opened, where):
        if where[1] and refusals:
            raise refusals.pop()
        bind(opened, where)

    monkeypatch.setattr(socket.socket, "bind", refusing)
    async with Server(await app_of(Store()), [ListenAddress("", 0)]) as server:
        assert server.addresses
    assert len(refusals) in {0, 3}


async def test_a_taken_port_is_one_clear_sentence(session):
    app = await app_of(Store())
    async with Server(app, [LOOPBACK]) as server:
        taken = ListenAddress("127.0.0.1", port_of(server))
        second = Server(await app_of(Store()), [LOOPBACK, taken])
        with pytest.raises(ConfigError) as caught:
            await second.__aenter__()
        expected = f"cannot listen on {taken}: the port is in use by another program"
        assert caught.value.message == expected
        assert second.addresses
        with pytest.raises(ClientConnectionError):
            await session.get(second.addresses[0])
        everywhere = Server(await app_of(Store()), [ListenAddress("", taken.port)])
        with pytest.raises(ConfigError, match="in use by another program"):
            await everywhere.__aenter__()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRNOTAVAIL, "this machine has no such address"),
        (errno.EACCES, "permission is missing; a port from 1024 up needs none"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
async def test_what_the_system_refuses_is_said_in_words(monkeypatch, number, words):
    def refusing(opened, where):
        raise OSError(number, "no")

    monkeypatch.setattr(socket.socket, "bind", refusing)
    with pytest.raises(ConfigError, match=f"cannot listen on 192.0.2.1:80: {words}"):
        await Server(await app_of(Store()), [ListenAddress("192.0.2.1", 80)]).__aenter__()


async def test_a_name_that_does_not_resolve_is_said_in_words(monkeypatch):
    async def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match=r"nowhere:1: .* does not resolve"):
        await Server(await app_of(Store()), [ListenAddress("nowhere", 1)]).__aenter__()


async def test_a_running_scrape_is_finished_when_the_server_stops(session):
    store = await big_store()
    expected = plain(store)
    server = Server(await app_of(store), [LOOPBACK], drain_seconds=10)
    await server.__aenter__()
    slow = await SlowClient.sent(port_of(server))
    headers = await slow.headers()
    slow.pause()
    stopping = asyncio.create_task(server.__aexit__(None, None, None))
    await refused(session, server.addresses[0])
    assert not stopping.done()
    slow.resume()
    body = await slow.body(int(headers["Content-Length"]))
    await stopping
    assert body.startswith(expected)
    await slow.close()


async def test_the_server_does_not_wait_for_ever_for_a_client_that_does_not_read():
    async with Server(await app_of(await big_store()), [LOOPBACK], drain_seconds=0.1) as server:
        slow = await SlowClient.sent(port_of(server))
        size = int((await slow.headers())["Content-Length"])
        slow.pause()
    slow.resume()
    with contextlib.suppress(ConnectionResetError):
        assert len(await slow.rest()) < size
    await slow.leave()


async def test_an_answer_that_nobody_reads_is_cut_off_when_the_server_stops():
    async def long_answer(request):
        return web.Response(body=bytes(30_000_000))

    app = web.Application()
    app.router.add_get("/", long_answer)
    async with Server(app, [LOOPBACK], drain_seconds=0) as server:
        client = await SlowClient.sent(port_of(server), "/")
        await client.headers()
        client.pause()
    client.resume()
    with contextlib.suppress(ConnectionResetError):
        assert len(await client.rest()) < 30_000_000
    await client.leave()


async def test_idle_connections_are_closed_at_once_when_the_server_stops():
    async with Server(await app_of(Store()), [LOOPBACK], drain_seconds=15) as server:
        client = await SlowClient.sent(port_of(server), "/-/healthy")
        await client.headers()
        await client.body(2)
    assert await client.rest() == b""
    await client.close()


async def test_what_is_not_http_gets_an_answer_without_versions_or_a_log_line(caplog):
    async with Server(await app_of(Store()), [LOOPBACK]) as server:
        client = await SlowClient.sent(port_of(server), "/ x\x00y", "G@T")
        headers = await client.headers()
        assert headers["Server"] == "outbound-exporter"
        assert await client.rest() == b"This is not a request in HTTP.\n"
        await client.close()
    assert not caplog.records


async def test_a_fault_of_ours_is_logged_and_answered_without_versions(caplog, session):
    async def faulty(request):
        raise LookupError("boom")

    app = web.Application()
    app.router.add_get("/", faulty)
    async with Server(app, [LOOPBACK]) as server, session.get(server.addresses[0]) as response:
        assert response.status == 500
        assert response.headers["Server"] == "outbound-exporter"
        assert "boom" not in await response.text()
    assert "boom" in caplog.text
