"""TLS on real sockets: who gets in, and how that changes while the server runs."""

import asyncio
import errno
import os
import resource
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from zlib import MAX_WBITS, decompress

import pytest
from aiohttp import ClientConnectionError, ClientSession, TCPConnector
from structlog.testing import capture_logs

from exporter.store import Store
from exporter.web import ListenAddress, Server, create_app
from exporter.web.limits import Limits
from exporter.webconfig.live import Live
from tests.certificates import Authority, Certificate
from tests.fakes import FakeClock
from tests.web.making import a_site, big_store, plain, two_accounts

TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
MUTUAL = f"{TLS}, client_ca_file: ca.pem, client_auth_type: "
REQUIRED = f"{MUTUAL}RequireAndVerifyClientCert"
HEALTHY = "/-/healthy"
REFUSED = (ClientConnectionError, ssl.SSLError)


@dataclass
class Door:
    """A server with TLS, its files, and clients of it."""

    folder: Path
    stack: AsyncExitStack
    authority: Authority
    server: Server
    live: Live

    @property
    def url(self) -> str:
        return self.server.addresses[0]

    async def write(self, name: str, content: bytes | str) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        await asyncio.to_thread((self.folder / name).write_bytes, data)

    async def apply(self) -> None:
        for _ in range(2):
            await self.live.look(self.server.use)

    async def client(
        self, certificate: Certificate | None = None, *, authority: Authority | None = None
    ) -> ClientSession:
        context = await asyncio.to_thread(
            _client_context, self.folder, authority or self.authority, certificate
        )
        session = ClientSession(
            self.url,
            connector=TCPConnector(ssl=context),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        )
        return await self.stack.enter_async_context(session)


def _client_context(
    folder: Path, authority: Authority, certificate: Certificate | None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem.decode())
    if certificate is not None:
        context.load_cert_chain(*certificate.write(folder, "client"))
    return context


@pytest.fixture
async def opened(tmp_path):
    """Starts a server with a web configuration."""
    async with AsyncExitStack() as stack:

        async def start(
            text: str, store: Store | None = None, *, ports: int = 1, **limits: float
        ) -> Door:
            authority = Authority()
            await asyncio.to_thread(authority.issue("127.0.0.1").write, tmp_path, "server")
            await asyncio.to_thread((tmp_path / "ca.pem").write_bytes, authority.pem)
            await asyncio.to_thread((tmp_path / "web.yml").write_text, text + "}\n")
            live = Live(tmp_path / "web.yml", FakeClock())
            await live.open()
            app = create_app(await a_site(store or await two_accounts()))
            server = Server(
                app,
                [ListenAddress("127.0.0.1", 0)] * ports,
                tls=live.tls,
                drain_seconds=2,
                limits=Limits(**limits),
            )
            await stack.enter_async_context(server)
            return Door(tmp_path, stack, authority, server, live)

        yield start


async def status(session: ClientSession, path: str = HEALTHY) -> int:
    async with session.get(path) as response:
        return response.status


async def test_pages_are_served_over_tls(opened):
    door = await opened(TLS)

    assert door.url.startswith("https://127.0.0.1:")
    assert await status(await door.client()) == 200


async def test_another_authority_is_not_ours(opened):
    door = await opened(TLS)

    with pytest.raises(REFUSED):
        await status(await door.client(authority=Authority("another")))


async def test_plain_http_is_not_answered_on_a_port_with_tls(opened):
    door = await opened(TLS)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))

    writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = await reader.read()

    assert b"200" not in answer
    assert b"ok" not in answer
    writer.close()


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_large_body_comes_whole_over_tls_and_the_loop_goes_on(opened, compressed):
    store = await big_store(8)
    door = await opened(TLS, store)
    session = await door.client()
    turns = 0

    def turn() -> None:
        nonlocal turns, next_turn
        turns += 1
        next_turn = loop.call_soon(turn)

    loop = asyncio.get_running_loop()
    next_turn = loop.call_soon(turn)
    headers = {"Accept-Encoding": "gzip" if compressed else "identity"}
    async with session.get("/metrics", headers=headers) as response:
        assert response.status == 200
        assert (response.headers.get("Content-Encoding") == "gzip") is compressed
        body = await response.read()
    next_turn.cancel()

    text = decompress(body, MAX_WBITS | 16) if compressed else body
    assert text.startswith(plain(store))
    assert turns > (5 if compressed else 50)


async def test_a_client_without_a_certificate_is_refused_where_one_is_required(opened):
    door = await opened(REQUIRED)

    assert await status(await door.client(door.authority.issue("scraper"))) == 200
    for certificate in (None, Authority("another").issue("scraper")):
        with pytest.raises(REFUSED):
            await status(await door.client(certificate))


async def test_a_certificate_is_verified_only_if_there_is_one(opened):
    door = await opened(f"{MUTUAL}VerifyClientCertIfGiven")

    for certificate in (None, door.authority.issue("scraper")):
        assert await status(await door.client(certificate)) == 200
    with pytest.raises(REFUSED):
        await status(await door.client(Authority("another").issue("scraper")))


@pytest.mark.parametrize(
    ("allowed", "name"),
    [
        ("prometheus.example.com", "prometheus.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("'2001:db8::1'", "2001:db8::1"),
        ("ops@example.com", "mailto:ops@example.com"),
        ("'spiffe://example.com/prometheus'", "spiffe://example.com/prometheus"),
    ],
)
async def test_only_clients_with_an_allowed_name_are_served(opened, allowed, name):
    door = await opened(f"{REQUIRED}, client_allowed_sans: [nobody, {allowed}]")

    session = await door.client(door.authority.issue("other.example.com", name))
    assert await status(session) == 200
    for certificate in (
        door.authority.issue("other.example.com", f"a.{name}" if name[0] == "p" else "a"),
        door.authority.issue(common_name="prometheus.example.com"),
    ):
        with pytest.raises(REFUSED):
            await status(await door.client(certificate))


async def test_no_name_is_allowed_by_an_empty_list(opened):
    door = await opened(f"{REQUIRED}, client_allowed_sans: []")

    with pytest.raises(REFUSED):
        await status(await door.client(door.authority.issue("scraper")))


async def test_a_new_certificate_serves_new_connections_and_old_ones_go_on(opened):
    door = await opened(TLS)
    before = await door.client()
    assert await status(before) == 200

    renewed = Authority("renewed")
    await asyncio.to_thread(renewed.issue("127.0.0.1").write, door.folder, "server")
    await door.apply()

    assert await status(before) == 200
    assert await status(await door.client(authority=renewed)) == 200
    with pytest.raises(REFUSED):
        await status(await door.client())


async def test_client_certificates_stay_required_after_a_reload(opened):
    """The trap: another context in the callback for SNI would no longer ask for them."""
    door = await opened(REQUIRED)

    for _ in range(3):
        await asyncio.to_thread(door.authority.issue("127.0.0.1").write, door.folder, "server")
        await door.apply()
        assert await status(await door.client(door.authority.issue("scraper"))) == 200
        with pytest.raises(REFUSED):
            await status(await door.client())


async def test_connections_of_clients_that_may_no_longer_come_end(opened):
    door = await opened(REQUIRED)
    old, another = await door.client(door.authority.issue("scraper")), Authority("another")
    assert await status(old) == 200

    await door.write("ca.pem", another.pem)
    await door.apply()

    with pytest.raises(REFUSED):
        await status(old)
    assert await status(await door.client(another.issue("scraper"))) == 200


async def test_an_answer_under_way_ends_whole_before_its_connection_does(opened):
    door = await opened(REQUIRED, await big_store())
    session = await door.client(door.authority.issue("scraper"))

    async with session.get("/metrics") as response:
        await door.write("ca.pem", Authority("another").pem)
        await door.apply()
        body = await response.read()

    assert body.count(b"outbound_task_calls{") > 100_000
    with pytest.raises(REFUSED):
        await status(session)


async def test_an_answer_under_way_ends_whole_when_the_server_stops(opened):
    store = await big_store()
    door = await opened(TLS, store)
    session = await door.client()

    async with session.get("/metrics") as response:
        stopping = asyncio.create_task(door.server.__aexit__(None, None, None))
        body = await response.read()
    await stopping

    assert body.startswith(plain(store))


async def test_no_connection_is_refused_while_certificates_change(opened):
    door = await opened(TLS)
    failed = []

    async def ask() -> None:
        for _ in range(40):
            context = await asyncio.to_thread(_client_context, door.folder, door.authority, None)
            async with ClientSession(door.url, connector=TCPConnector(ssl=context)) as session:
                try:
                    assert await status(session) == 200
                except REFUSED as error:
                    failed.append(error)

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    changes = 0
    while not all(task.done() for task in asking):
        await asyncio.to_thread(door.authority.issue("127.0.0.1").write, door.folder, "server")
        await door.apply()
        changes += 1
    await asyncio.gather(*asking)

    assert failed == []
    assert changes > 3


def descriptors() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


async def two_ports(opened) -> tuple[Door, Authority]:
    """A server on two ports, and who signed the certificate that it is to use next."""
    door, renewed = await opened(TLS, ports=2), Authority("renewed")
    await asyncio.to_thread(renewed.issue("127.0.0.1").write, door.folder, "server")
    return door, renewed


async def served(door: Door, authority: Authority) -> set[bool]:
    """Whether a client that trusts an authority is answered, of each of the ports."""
    session, answered = await door.client(authority=authority), set()
    for url in door.server.addresses:
        try:
            answered.add(await status(session, f"{url}{HEALTHY}") == 200)
        except REFUSED:
            answered.add(False)
    await session.close()
    return answered


@pytest.mark.parametrize("steps", range(6))
async def test_a_change_that_is_cancelled_leaves_the_listeners_of_before_or_after(opened, steps):
    door, renewed = await two_ports(opened)
    open_before = await asyncio.to_thread(descriptors)
    await door.live.look(door.server.use)
    tls = door.live.tls
    using = []

    async def use(new) -> None:
        using.append(asyncio.create_task(door.server.use(new)))
        for _ in range(steps):
            await asyncio.sleep(0)
        using[0].cancel()
        await asyncio.wait(using)

    await door.live.look(use)

    assert len(await asyncio.to_thread(descriptors)) == len(open_before)
    assert door.live.tls is not tls
    current = renewed if door.server._tls is door.live.tls else door.authority
    other = door.authority if current is renewed else renewed
    assert (await served(door, current), await served(door, other)) == ({True}, {False})
    if steps in {0, 5}:
        assert (current is renewed) is (steps == 5)


async def test_a_change_that_fails_halfway_leaves_the_listeners_of_before(opened):
    door, renewed = await two_ports(opened)
    before = await asyncio.to_thread(descriptors)
    await door.live.look(door.server.use)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def use(tls) -> None:
        free = os.dup(0)
        os.close(free)
        # One more can be opened, and two are needed.
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
        try:
            await door.server.use(tls)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with capture_logs() as logs:
        await door.live.look(use)

    assert [line["error"] for line in logs] == [os.strerror(errno.EMFILE)]
    assert len(await asyncio.to_thread(descriptors)) == len(before)
    assert (await served(door, door.authority), await served(door, renewed)) == ({True}, {False})
    await door.live.look(door.server.use)
    assert (await served(door, door.authority), await served(door, renewed)) == ({False}, {True})


async def test_handshakes_that_never_end_are_dropped_and_hold_up_nobody(opened):
    door = await opened(TLS, handshake_seconds=0.5)
    port = int(door.url.rpartition(":")[2])
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]

    assert await status(await door.client()) == 200
    async with asyncio.timeout(10):
        assert [await reader.read() for reader, _ in silent] == [b""] * 100
    for _, writer in silent:
        writer.close()


async def test_more_handshakes_than_connections_may_be_end_the_oldest(opened):
    door = await opened(TLS, connections=20)
    port = int(door.url.rpartition(":")[2])
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]

    assert await status(await door.client()) == 200
    async with asyncio.timeout(10):
        assert await silent[0][0].read() == b""
    for _, writer in silent:
        writer.close()
