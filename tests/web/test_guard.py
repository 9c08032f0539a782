"""Authentication before every route, the order of what a request passes, and who need not ask."""

import asyncio
import base64
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest
from aiohttp import ClientSession, web

from exporter.store import Store
from exporter.web import ListenAddress, Server, create_app, place_of
from exporter.web.guard import open_guard
from exporter.web.site import RELOAD_PATH
from exporter.webconfig.live import Live
from tests.fakes import FakeClock
from tests.web.making import SlowClient, a_site, two_accounts

HASH = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


def login(user: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


ALICE = login("alice", "open sesame")
HEALTH = ("/-/healthy", "/-/ready")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND")


@dataclass
class Guarded:
    """A guarded server, its file and a client."""

    file: Path
    session: ClientSession
    server: Server
    live: Live
    app: web.Application
    clock: FakeClock

    async def write(self, text: str) -> None:
        await asyncio.to_thread(self.file.write_text, text)
        for _ in range(2):
            await self.live.look(self.server.use)

    async def status(self, path: str = "/metrics", method: str = "GET", **options) -> int:
        async with self.session.request(method, path, allow_redirects=False, **options) as answer:
            return answer.status


@pytest.fixture
async def guarded(tmp_path):
    """Starts a server behind a web configuration."""
    async with AsyncExitStack() as stack:

        async def start(text: str, store: Store | None = None, **changes) -> Guarded:
            file = tmp_path / "web.yml"
            await asyncio.to_thread(file.write_text, text)
            clock = FakeClock()
            site = await a_site(store or await two_accounts(), clock=clock, **changes)
            guard, live = await open_guard(site, file)
            app = create_app(site, guard)
            address = ListenAddress("127.0.0.1", 0)
            server = await stack.enter_async_context(Server(app, [address], drain_seconds=0))
            session = await stack.enter_async_context(ClientSession(server.addresses[0]))
            return Guarded(file, session, server, live, app, clock)

        yield start


def paths_of(app) -> list[str]:
    return sorted({route.resource.canonical for route in app.router.routes()})


@pytest.mark.parametrize("prefix", [None, "/outbound"])
async def test_no_route_and_no_other_path_is_answered_without_credentials(guarded, prefix):
    door = await guarded(USERS, place=place_of(external_url="", route_prefix=prefix))
    paths = paths_of(door.app)
    assert len(paths) == (6 if prefix is None else 8)

    for path in (*paths, "/nothing", "//", "/-/", "/-/reload", "/%2e%2e/", "/metrics/", "/METRICS"):
        for method in METHODS:
            async with door.session.request(method, path, allow_redirects=False) as answer:
                assert answer.status == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == "Basic"
                assert "account" not in await answer.text()


async def answer_to(door: Guarded, request: str) -> str:
    """The first line that is answered."""
    port = int(door.server.addresses[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request}\r\n\r\n".encode())
    line = (await reader.readline()).decode()
    writer.close()
    await writer.wait_closed()
    return line


@pytest.mark.parametrize("expectation", ["anything", "100-continue"])
async def test_no_expectation_of_a_client_comes_before_its_credentials(guarded, expectation):
    door = await guarded(USERS)
    expects = f"Host: a\r\nExpect: {expectation}"
    login = f"Authorization: {ALICE['Authorization']}"

    for path in (*paths_of(door.app), "/nothing"):
        for method in METHODS:
            refused = await answer_to(door, f"{method} {path} HTTP/1.1\r\n{expects}")
            assert refused == "HTTP/1.1 401 Unauthorized\r\n", (method, path)
        wanted = {RELOAD_PATH: "405 Method Not Allowed", "/nothing": "404 Not Found"}
        given = await answer_to(door, f"GET {path} HTTP/1.1\r\n{expects}\r\n{login}")
        assert given == f"HTTP/1.1 {wanted.get(path, '200 OK')}\r\n"


async def test_whoever_waits_to_send_a_body_is_answered_at_once(guarded):
    door = await guarded(USERS)
    head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n{}"

    for login, answer in ((ALICE["Authorization"], "403 Forbidden"), ("none", "401 Unauthorized")):
        request = f"POST {RELOAD_PATH} HTTP/1.1\r\n" + head.format(f"Authorization: {login}")
        assert await answer_to(door, request) == f"HTTP/1.1 {answer}\r\n"


async def test_every_route_is_answered_with_credentials(guarded):
    door = await guarded(USERS)

    for path in paths_of(door.app):
        expected = 405 if path == RELOAD_PATH else 200
        assert await door.status(path, headers=ALICE) == expected
    assert await door.status(RELOAD_PATH, "POST", headers=ALICE) == 403
    assert await door.status("/nothing", headers=ALICE) == 404
    assert await door.status("/metrics", "POST", headers=ALICE) == 405


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic YWxpY2U=",
        "Bearer YWxpY2U6b3BlbiBzZXNhbWU=",
        "Digest username=alice",
        "YWxpY2U6b3BlbiBzZXNhbWU=",
        "Basic YWxpY2U6b3BlbiBzZXNhbWU",
        "Basic\tYWxpY2U6b3BlbiBzZXNhbWU=",
        "Basic YWxpY2U6b3BlbiBzZXNhbWU=, Basic YTpi",
        "Basic " + base64.b64encode(b"alice:" + b"x" * 5000).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic é",
    ],
)
async def test_what_is_no_right_login_is_401_and_never_an_error(guarded, authorization):
    door = await guarded(USERS)

    assert await door.status(headers={"Authorization": authorization}) == 401


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_the_scheme_is_read_in_any_case(guarded, scheme):
    door = await guarded(USERS)
    encoded = base64.b64encode(b"alice:open sesame").decode()

    assert await door.status(headers={"Authorization": f"{scheme} {encoded}"}) == 200


async def test_a_password_may_hold_colons_and_any_letters(guarded):
    password = "a:b:密码"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    door = await guarded(f"basic_auth_users: {{用户: {hashed}}}\n")

    assert await door.status(headers=login("用户", password)) == 200


async def test_users_and_headers_change_without_a_restart(guarded):
    door = await guarded(USERS)
    assert await door.status(headers=ALICE) == 200

    await door.write(
        USERS.replace("alice", "bob") + "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    )

    assert await door.status(headers=ALICE) == 401
    async with door.session.get("/metrics", headers=login("bob", "open sesame")) as answer:
        assert answer.status == 200
        assert answer.headers["X-Frame-Options"] == "deny"


@pytest.mark.parametrize("text", ["", "basic_auth_users: {", "basic_auth_users: {alice: s3cr3t}\n"])
async def test_a_file_broken_after_the_start_is_500_for_everybody_until_it_is_mended(guarded, text):
    door = await guarded(USERS, open_health=True)

    await door.write(text)
    for path in (*paths_of(door.app), "/nothing"):
        async with door.session.get(path, headers=ALICE) as answer:
            assert answer.status == 500
            assert "s3cr3t" not in await answer.text()
        assert await door.status(path) == 500

    await door.write(USERS)
    assert await door.status(headers=ALICE) == 200
    assert await door.status() == 401


async def test_without_users_anybody_may_come_and_gets_the_headers(guarded):
    door = await guarded(
        "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n"
        "    Content-Security-Policy: default-src 'self'\n    X-XSS-Protection: ''\n"
    )

    for path in (*paths_of(door.app), "/nothing"):
        async with door.session.get(path) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=1"
            assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-XSS-Protection" not in answer.headers


async def test_the_headers_are_on_refusals_too(guarded):
    door = await guarded(USERS + "http_server_config: {headers: {X-Frame-Options: deny}}\n")

    async with door.session.get("/metrics") as answer:
        assert answer.status == 401
        assert answer.headers["X-Frame-Options"] == "deny"


async def test_the_rate_limit_comes_before_the_password(guarded):
    door = await guarded(USERS + "rate_limit: {interval: 1s, burst: 2}\n")

    assert [await door.status(), await door.status(headers=ALICE)] == [401, 200]
    for headers in (None, ALICE):
        async with door.session.get("/metrics", headers=headers) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "1"
            assert "WWW-Authenticate" not in answer.headers
    await door.clock.advance(1)
    assert await door.status(headers=ALICE) == 200


async def test_only_the_health_is_told_to_anybody_and_only_where_that_is_asked_for(guarded):
    place = place_of(external_url="", route_prefix="/outbound")
    door = await guarded(USERS, place=place, open_health=True)

    for path in HEALTH:
        assert await door.status(f"/outbound{path}") == 200
        assert await door.status(f"/outbound{path}", "HEAD") == 200
        assert await door.status(f"/outbound{path}", "POST") == 401
        assert await door.status(path) == 401
        assert await door.status(f"/outbound{path}/") == 401
        assert await door.status(f"/outbound{path}/../../metrics") == 401
    for path in paths_of(door.app):
        if not path.endswith(HEALTH):
            assert await door.status(path) == 401


async def test_no_account_is_named_to_who_asks_for_the_readiness_without_credentials(guarded):
    store = Store()
    store.arrange(["secret-customer"])
    await store.publish()

    door = await guarded(USERS, store, open_health=True, ready=lambda: False)
    async with door.session.get("/-/ready") as answer:
        assert answer.status == 503
        assert "secret-customer" not in await answer.text()


async def test_many_wrong_passwords_do_not_hold_up_who_is_known(guarded):
    door = await guarded(USERS)
    assert await door.status(headers=ALICE) == 200

    wrong = [
        asyncio.create_task(door.status(headers=login("alice", str(number))))
        for number in range(200)
    ]
    known = [await door.status(headers=ALICE) for _ in range(10)]

    assert known == [200] * 10
    assert set(await asyncio.gather(*wrong)) <= {401, 503}


async def test_what_is_no_http_gets_no_further_than_anything_else(guarded):
    door = await guarded(USERS)
    client = await SlowClient.sent(int(door.server.addresses[0].rpartition(":")[2]), "/ x", "G@T")

    await client.headers()
    assert await client.rest() == b"This is not a request in HTTP.\n"
    await client.close()


async def test_a_plain_server_has_no_guard_on_the_way_of_a_scrape():
    app = create_app(await a_site(Store()))

    assert len(app.middlewares) == 1
    assert len(app.on_response_prepare) == 1


async def test_no_password_is_in_a_log(guarded, capsys, caplog):
    door = await guarded(USERS)

    await door.status(headers=login("alice", "s3cr3t"))
    await door.status(headers=ALICE)
    await door.write("basic_auth_users: {alice: s3cr3t}\n")
    await door.status(headers=ALICE)

    said = capsys.readouterr()
    for text in (said.out, said.err, caplog.text):
        assert not re.search(rf"s3cr3t|sesame|{re.escape(HASH)}", text)
