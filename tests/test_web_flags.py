"""The flags of the web side: what they check, how they fail, and what a process serves by them."""

import asyncio
import base64
import signal
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from exporter import cli
from tests.certificates import Authority
from tests.test_process import LOCAL, WAIT_SECONDS, command
from tests.test_start import loaded

CONFIG = (
    "accounts: [{name: a, platform: aliyun, endpoint: 'http://127.0.0.1:1', credentials:"
    " {type: access_key, access_key_id: i, access_key_secret: s3cr3t}}]\n"
)

pytestmark = pytest.mark.usefixtures("logs_as_before")
HASH = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"


def users(*names: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {HASH}\n" for name in names)


class Folder:
    """A configuration, a web configuration and what it names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.web = path / "web.yml"
        (path / "config.yaml").write_text(CONFIG)
        self.authority = Authority()
        self.authority.issue("127.0.0.1").write(path, "server")
        for name in ("config.yaml", "server.key"):
            (path / name).chmod(0o600)

    def flags(self, text: str | None = None) -> list[str]:
        if text is not None:
            self.web.write_text(text)
            self.web.chmod(0o600)
        config = ["--config.file", str(self.path / "config.yaml")]
        return [*config, "--web.config.file", str(self.web), *LOCAL]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", "plain HTTP for anybody"),
        (TLS, "TLS"),
        (TLS + users("alice"), "TLS, authentication"),
    ],
)
def test_a_check_covers_the_web_configuration(folder, capsys, text, kept):
    assert cli.run(["--config.check", *folder.flags(text)]) == 0

    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines()[1] == f"{folder.web}: ok, {kept}"


BAD = {
    "absent": (None, "web.yml: cannot read the file: No such file or directory"),
    "no yaml": ("{", "web.yml: not YAML at line 1"),
    "unknown key": ("tls: {}\n", "web.yml: tls: unknown key; known are tls_server_config"),
    "password": ("basic_auth_users: {a: s3cr3t}\n", "basic_auth_users[0]: expected a bcrypt hash"),
    "absent certificate": (
        TLS.replace("server.pem", "absent.pem"),
        "tls_server_config.cert_file: cannot read",
    ),
    "other key": (TLS.replace("server.key", "config.yaml"), "cert_file: expected a certificate"),
}


@pytest.mark.parametrize("check", [["--config.check"], []])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_web_configuration_is_one_line_at_a_check_and_at_a_start(folder, check, name):
    text, words = BAD[name]
    done = subprocess.run(
        [sys.executable, "-m", "exporter", *folder.flags(text), *check],
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"outbound-exporter: {folder.path}")
    assert words in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--web.external-url", "example.com"], "--web.external-url: expected the http://"),
        (["--web.route-prefix", "/{a}"], "--web.route-prefix: expected a path"),
        (["--web.telemetry-path", "/config"], "--web.telemetry-path: '/config' cannot be"),
    ],
)
def test_a_bad_place_is_told_by_its_flag(folder, capsys, flags, words):
    assert cli.run([*folder.flags(""), *flags]) == 1

    assert words in capsys.readouterr().err


def test_nothing_of_it_is_loaded_where_nothing_is_configured(folder):
    flags = ["--config.check", "--config.file", str(folder.path / "config.yaml")]
    plain = loaded(f"from exporter import cli; assert cli.run({flags}) == 0")
    flags += ["--web.config.file", str(folder.web)]
    folder.web.write_text(TLS + users("alice"))
    checked = loaded(f"from exporter import cli; assert cli.run({flags}) == 0")

    # bcrypt itself is loaded by cryptography, wherever it is installed.
    assert not {name for name in plain if name.startswith(("exporter.webconfig", "exporter.web.g"))}
    assert "exporter.webconfig.loader" in checked


def login(user: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:open sesame'.encode()).decode()}"}


async def within_ten_seconds(ask: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(10):
        while await ask() != wanted:
            pass


@pytest.mark.timeout(40)
async def test_a_process_serves_by_it_and_follows_it_within_ten_seconds(folder):
    flags = await asyncio.to_thread(folder.flags, TLS + users("alice"))
    place = ("--web.external-url", "https://example.com/outbound/", "--web.health-without-auth")
    context = await asyncio.to_thread(
        lambda: ssl.create_default_context(cadata=folder.authority.pem.decode())
    )
    connector = aiohttp.TCPConnector(ssl=context)
    async with command(*flags, *place) as exporter, aiohttp.ClientSession(connector=connector) as s:
        line = await exporter.says(r"msg=listening .*url=(https://\S+) metrics=(\S+)")
        url, path = line[1], line[2]
        assert path == "/outbound/metrics"

        async def status(path: str, user: str = "") -> int:
            async with s.get(url + path, headers=login(user) if user else {}) as response:
                return response.status

        assert await status("/outbound/metrics") == 401
        assert await status("/outbound/metrics", "alice") == 200
        assert await status("/outbound/-/healthy") == 200
        assert await status("/metrics", "alice") == 404

        await asyncio.to_thread(folder.web.write_text, TLS + users("bob"))
        await within_ten_seconds(lambda: status("/outbound/metrics", "bob"), 200)
        assert await status("/outbound/metrics", "alice") == 401
        await asyncio.to_thread(folder.web.write_text, "basic_auth_users: {")
        await within_ten_seconds(lambda: status("/outbound/metrics", "bob"), 500)
        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0
        assert not [text for text in exporter.err if "Traceback" in text or HASH in text]
