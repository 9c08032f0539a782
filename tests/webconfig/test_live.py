"""A web configuration that changes while it is in force."""

import asyncio
import errno
import os
import re
import resource
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.errors import ConfigError
from exporter.webconfig import contents, names
from exporter.webconfig.live import LOOK_SECONDS, Live
from tests.certificates import Authority
from tests.fakes import FakeClock, settle

HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
MUTUAL = f"{TLS}, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert"
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


class Files:
    """A web configuration that is opened, and what it was told to use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "web.yml"
        self.authority = Authority()
        self.used: list[object] = []
        self.live = Live(self.file, FakeClock())

    async def write(self, text: str, name: str = "web.yml") -> None:
        await asyncio.to_thread((self.folder / name).write_text, text, encoding="utf-8")

    async def issue(self, *names: str) -> None:
        certificate = self.authority.issue(*names)
        await asyncio.to_thread(certificate.write, self.folder, "server")
        await self.write(self.authority.pem.decode(), "ca.pem")

    async def use(self, tls: object) -> None:
        self.used.append(tls)

    async def look(self, times: int = 2) -> None:
        for _ in range(times):
            await self.live.look(self.use)

    async def opened(self, text: str) -> Live:
        await self.issue("localhost")
        await self.write(text)
        await self.live.open()
        return self.live


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let no file be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
async def files(tmp_path):
    mask = os.umask(0o077)
    yield Files(tmp_path)
    os.umask(mask)


async def test_an_empty_file_is_plain_http_for_anybody(files):
    live = await files.opened("")

    assert live.config is not None
    assert live.config.protections == frozenset()
    assert live.tls is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read the file: No such file or directory"),
        ("#" * (1024**2 + 1), "cannot read the file: expected at most 1 MiB"),
        ("nonsense: 1\n", "nonsense: unknown key"),
        (TLS.replace("server.pem", "other.pem") + "}\n", "cannot read"),
    ],
)
async def test_a_file_of_no_use_at_the_start_is_an_error(files, text, words):
    if text is not None:
        await files.write(text)

    with pytest.raises(ConfigError, match=words) as caught:
        await files.live.open()
    assert str(caught.value).startswith(str(files.file))


async def test_users_and_headers_take_effect_with_the_second_look(files):
    live = await files.opened(USERS)
    passwords = live.passwords
    await files.look()
    assert live.passwords is passwords

    await files.write(
        USERS.replace("alice", "bob") + "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    )
    await files.look(1)
    assert set(live.config.users) == {"alice"}
    await files.look(1)

    assert set(live.config.users) == {"bob"}
    assert live.config.http.headers == {"X-Frame-Options": "deny"}
    assert live.passwords is not passwords
    assert files.used == []


async def test_two_looks_are_within_ten_seconds(files):
    live = await files.opened(USERS)
    clock = live._clock
    watching = asyncio.create_task(live.watch(files.use))
    await settle()
    await files.write(USERS.replace("alice", "bob"))

    async with asyncio.timeout(5):
        for _ in range(2):
            seen = live._seen
            await clock.advance(LOOK_SECONDS)
            while live._seen is seen:  # noqa: ASYNC110 - a thread reads the file
                await asyncio.sleep(0)
            await settle()

    assert set(live.config.users) == {"bob"}
    assert 2 * LOOK_SECONDS < 10
    watching.cancel()


async def test_a_file_caught_half_written_never_takes_effect(files):
    live = await files.opened(USERS)

    await files.write("basic_auth_users: {")
    await files.look(1)
    await files.write("")
    await files.look(1)
    await files.write(USERS.replace("alice", "bob"))
    await files.look(1)
    assert set(live.config.users) == {"alice"}
    await files.look(1)

    assert set(live.config.users) == {"bob"}


async def test_a_broken_file_puts_nothing_in_force_and_a_mended_one_is_in_force_again(files):
    live = await files.opened(USERS)

    await files.write("basic_auth_users: {alice: s3cr3t}\n")
    with capture_logs() as logs:
        await files.look(5)
    assert live.config is None
    (line,) = logs
    assert line["log_level"] == "error"
    assert "basic_auth_users[0]: expected a bcrypt hash" in line["error"]
    assert "s3cr3t" not in str(line)

    await files.write(USERS)
    await files.look()
    assert set(live.config.users) == {"alice"}


async def test_what_is_the_same_is_not_parsed_again(files, monkeypatch):
    live = await files.opened(USERS)
    parsed = []
    parse = contents.parse_web_config
    monkeypatch.setattr(
        contents, "parse_web_config", lambda *args, **kw: parsed.append(args) or parse(*args, **kw)
    )

    await files.look(5)
    assert parsed == []
    await files.write("nonsense")
    await files.look(5)
    assert len(parsed) == 1
    assert live.config is None


async def test_a_file_that_is_gone_puts_nothing_in_force(files):
    live = await files.opened(USERS)

    await asyncio.to_thread(files.file.unlink)
    await files.look()

    assert live.config is None


async def test_a_pipe_which_holds_what_it_holds_only_once_is_of_no_use(files):
    os.mkfifo(files.file)

    with pytest.raises(ConfigError, match="expected a file that can be read again, not a pipe"):
        await files.live.open()

    await asyncio.to_thread(files.file.unlink)
    live = await files.opened(USERS)
    await asyncio.to_thread(files.file.unlink)
    os.mkfifo(files.file)
    await files.look()
    assert live.config is None

    await asyncio.to_thread(files.file.unlink)
    await files.write(USERS)
    await files.look()
    assert live.config is not None


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (USERS, "", "authentication cannot be turned on or off"),
        (TLS + "}\n", "", "TLS cannot be turned on or off"),
        (MUTUAL + "}\n", TLS + "}\n", "client certificates cannot be turned on or off"),
        (MUTUAL + "}\n" + USERS, "", "TLS, authentication, client certificates cannot"),
        ("", TLS + "}\n", "TLS cannot be turned on or off"),
    ],
)
async def test_no_protection_is_lost_without_a_restart(files, before, after, words):
    live = await files.opened(before)
    tls = live.tls

    await files.write(after)
    with capture_logs() as logs:
        await files.look()

    assert live.config is None
    assert live.tls is tls
    assert words in logs[0]["error"]


async def test_users_can_be_added_to_a_server_without(files):
    live = await files.opened("")

    await files.write(USERS)
    await files.look()

    assert live.passwords.needed


async def test_a_new_certificate_is_a_new_context_with_the_same_clients(files):
    live = await files.opened(MUTUAL + "}\n")
    before = live.tls

    await files.issue("renewed.example.com")
    await files.look(1)
    assert live.tls is before
    await files.look(3)

    assert files.used == [live.tls]
    assert live.tls.context is not before.context
    assert live.tls.pinned == before.pinned


@pytest.mark.parametrize(
    ("name", "content"), [("server.pem", ""), ("server.key", ""), ("server.pem", "other")]
)
async def test_a_certificate_without_its_key_leaves_the_pair_before_in_force(files, name, content):
    live = await files.opened(MUTUAL + "}\n")
    await files.write("garbage" if content else "", name)

    with capture_logs() as logs:
        await files.look(4)

    assert live.config is not None
    assert [line["event"] for line in logs] == ["the certificate before stays in force"]
    assert live.tls is not None

    await files.issue("localhost")
    with capture_logs() as logs:
        await files.look()
    assert [line["event"] for line in logs] == ["certificate read again"]


async def test_other_settings_take_effect_beside_a_certificate_of_no_use(files):
    live = await files.opened(MUTUAL + "}\n")

    await files.write("", "server.key")
    await files.write(MUTUAL + ", client_allowed_sans: [a.example.com]}\n")
    await files.look()

    assert live.tls.allowed_sans == frozenset({"a.example.com"})


@pytest.mark.parametrize("content", ["", "garbage\n"])
async def test_authorities_of_no_use_put_nothing_in_force(files, content):
    live = await files.opened(MUTUAL + "}\n")

    await files.write(content, "ca.pem")
    await files.look()

    assert live.config is None
    await files.write(files.authority.pem.decode(), "ca.pem")
    await files.look()
    assert live.config is not None


async def test_other_authorities_are_other_clients(files):
    live = await files.opened(MUTUAL + "}\n")
    before = live.tls

    await files.write(Authority("another").pem.decode(), "ca.pem")
    await files.look()

    assert live.tls.pinned != before.pinned
    assert live.tls.context.verify_mode is ssl.CERT_REQUIRED


async def test_what_has_no_effect_is_logged_once_at_the_start(files):
    with capture_logs() as logs:
        await files.opened(f"{TLS}, min_version: TLS10, curve_preferences: [X25519, CurveP256]}}\n")

    assert [line["event"] for line in logs] == [
        "TLS below 1.2 is not offered",
        "only the first of curve_preferences is offered: Python sets no list",
        "HTTP/2 is not offered; http2 has no effect",
    ]
    context = files.live.tls.context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_versions_and_ciphers_are_those_of_the_file(files):
    live = await files.opened(
        f"{TLS}, max_version: TLS12, prefer_server_cipher_suites: false,"
        " cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}\n"
    )

    context = live.tls.context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.TLSv1_2
    named = [cipher["name"] for cipher in context.get_ciphers()]
    assert [name for name in named if not name.startswith("TLS_")] == [
        "ECDHE-ECDSA-AES256-GCM-SHA384"
    ]
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE


async def test_ciphers_of_tls_13_alone_leave_no_tls_12(files):
    live = await files.opened(f"{TLS}, cipher_suites: [TLS_AES_128_GCM_SHA256]}}\n")

    assert live.tls.context.minimum_version is ssl.TLSVersion.TLSv1_3


async def test_nothing_of_an_inline_key_is_written_to_a_disk(files, tmp_path, monkeypatch):
    certificate = files.authority.issue("localhost")
    inline = "".join(
        f"  {key}: |\n" + "".join(f"    {line}\n" for line in pem.decode().splitlines())
        for key, pem in (("cert", certificate.cert), ("key", certificate.key))
    )
    temporary = tmp_path / "tmp"
    await asyncio.to_thread(temporary.mkdir, mode=0o500)
    monkeypatch.setenv("TMPDIR", str(temporary))

    live = await files.opened(f"tls_server_config:\n{inline}")

    assert live.tls is not None
    assert await asyncio.to_thread(lambda: list(temporary.iterdir())) == []
    assert "PRIVATE KEY" not in repr(live.config)


@pytest.mark.parametrize(
    ("table", "setting", "name"),
    [
        ("CIPHERS", "cipher_suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("CURVES", "curve_preferences", "CurveP521"),
    ],
)
async def test_what_the_openssl_of_a_machine_lacks_is_of_no_use(
    files, monkeypatch, table, setting, name
):
    words = rf"tls_server_config\.{setting}.*: expected .* that the OpenSSL of this machine has"
    monkeypatch.setitem(getattr(names, table), name, "NO-SUCH")
    with pytest.raises(ConfigError, match=words):
        await files.opened(f"{TLS}, {setting}: [{name}]}}\n")

    live = await files.opened(f"{TLS}}}\n")
    await files.write(f"{TLS}, {setting}: [{name}]}}\n")
    with capture_logs() as logs:
        await files.look(5)

    assert live.config is None
    (line,) = logs
    assert re.search(words, line["error"])


async def test_a_look_without_a_descriptor_left_leaves_everything_in_force(files):
    live = await files.opened(f"{MUTUAL}}}\n{USERS}")
    before = live.config, live.tls

    with capture_logs() as logs:
        with no_descriptors():
            await files.look(5)
        assert (live.config, live.tls) == before
        await files.look(5)

    assert (live.config, live.tls) == before
    assert [line["log_level"] for line in logs] == ["error", "info"]
    assert logs[0]["error"] == os.strerror(errno.EMFILE)


@pytest.mark.parametrize("where", ["use", "memory"])
async def test_what_could_not_be_put_in_force_is_tried_again_until_it_can(
    files, monkeypatch, where
):
    live = await files.opened(f"{MUTUAL}}}\n{USERS}")
    before = live.tls
    failing = [OSError(errno.EMFILE, os.strerror(errno.EMFILE))] * 3

    def fail(*_: object) -> None:
        if failing:
            raise failing.pop()

    if where == "use":
        use = files.use

        async def failing_use(tls: object) -> None:
            fail()
            await use(tls)

        files.use = failing_use
    else:
        create = os.memfd_create
        monkeypatch.setattr(os, "memfd_create", lambda name: fail() or create(name))

    await files.issue("localhost")
    await files.write(f"{MUTUAL}}}\n{USERS.replace('alice', 'bob')}")
    with capture_logs() as logs:
        await files.look(4)
        assert set(live.config.users) == {"alice"}
        assert live.tls is before
        await files.look(3)

    assert set(live.config.users) == {"bob"}
    assert files.used == [live.tls]
    assert [line["log_level"] for line in logs] == ["error", "info", "info", "info"]


async def test_a_certificate_of_no_use_is_told_once_however_often_it_is_tried(files):
    live = await files.opened(f"{TLS}}}\n")
    failing = [OSError(errno.EMFILE, "none")] * 3

    async def use(_: object) -> None:
        if failing:
            raise failing.pop()

    files.use = use
    await files.write("garbage", "server.pem")
    with capture_logs() as logs:
        await files.look(6)

    assert live.config is not None
    assert [line["event"] for line in logs].count("the certificate before stays in force") == 1


async def test_a_start_without_a_descriptor_left_is_an_error_of_one_line(files):
    await files.issue("localhost")
    await files.write(f"{TLS}}}\n")

    with no_descriptors(), pytest.raises(ConfigError, match="cannot be put in force") as caught:
        await files.live.open()
    assert str(caught.value).startswith(str(files.file))


async def test_the_log_tells_what_was_read_again(files):
    await files.opened(f"{MUTUAL}}}\n{USERS}")
    told = []

    async def changed() -> list[str]:
        with capture_logs() as logs:
            await files.look(4)
        return [line["event"] for line in logs]

    await files.write(f"{MUTUAL}}}\n{USERS.replace('alice', 'bob')}")
    told.append(await changed())
    await files.issue("renewed.example.com")
    told.append(await changed())
    await files.write(Authority("another").pem.decode(), "ca.pem")
    told.append(await changed())
    await files.write("nonsense")
    await changed()
    await files.write(f"{MUTUAL}}}\n{USERS}")
    told.append(await changed())

    whole = "web configuration read again"
    assert told[:2] == [[whole], ["certificate read again"]]
    assert told[2] == ["authorities of clients read again"]
    assert whole in told[3]


async def test_a_file_that_others_may_read_is_told_once_when_its_change_takes_effect(files):
    await files.opened(f"{TLS}}}\n{USERS}")

    async def warned(times: int) -> list[str]:
        with capture_logs() as logs:
            await files.look(times)
        return [Path(line["file"]).name for line in logs if line["log_level"] == "warning"]

    await files.issue("renewed.example.com")
    await asyncio.to_thread((files.folder / "server.key").chmod, 0o644)
    assert await warned(1) == []
    assert await warned(5) == ["server.key"]

    await files.write(f"{TLS}}}\n{USERS.replace('alice', 'bob')}")
    await asyncio.to_thread(files.file.chmod, 0o644)
    assert await warned(6) == ["web.yml", "server.key"]
