"""Every way to fail, with secrets and mobile numbers that are marked: they are told nowhere."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import bcrypt
import pytest
import structlog
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from exporter import cli, logs
from exporter.secret import HIDDEN
from tests.certificates import Authority, encrypted_key_pem
from tests.integration._drive import OPENMETRICS, driven
from tests.integration._echo import MARK, NUMBERS, Echo, answers, http, long_words
from tests.integration._front import front

USER, PASSWORD = "reader", "open sesame"
LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
WRONG = base64.b64encode(f"{USER}:{MARK} {NUMBERS[0]}".encode()).decode()
RETRY_SECONDS = 400
"""Longer than the slowest retry, so that each answer is given to everybody."""
TIERS = ("active", "idle", "finished")
PAGES = ("/metrics", "/", "/config", "/-/ready", "/-/healthy", "/metrics?account=absent", "/absent")


class Secrets:
    """The files with secrets, and what must be told nowhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        locked = BestAvailableEncryption(f"{MARK}-passphrase".encode())
        self.pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()
        self.hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        self.key = self.file("dezhu.pem", self.pem)
        self.token = self.file("oidc", f"{MARK}-oidc-token")
        self.web = self.file("web.yml", yaml.safe_dump({"basic_auth_users": {USER: self.hash}}))
        self.echo = Echo()
        self.hidden = {MARK, *NUMBERS, LOGIN, WRONG, self.hash, *self.pem.split("\n")[1:-2]}
        # Secrets go about encoded too.
        self.hidden |= {
            base64.b64encode(f"user:{MARK}-proxy{number}".encode()).decode() for number in (1, 2)
        }

    def file(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        return file

    def check(self, where: str, text: str) -> None:
        for secret in self.hidden:
            assert secret not in text, f"{secret!r} is in {where}: {text[:2000]}"
        told = long_words(text) & self.echo.heard
        assert told == set(), f"{told} is in {where}"


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path)


def dezhu(url: str, secrets: Secrets, **more: object) -> dict:
    return {
        "platform": "dezhu",
        "base_url": url,
        "app_id": "app",
        "private_key_file": str(secrets.key),
        "private_key_passphrase": f"{MARK}-passphrase",
        **more,
    }


def aliyun(url: str, kind: str = "access_key", keys: dict | None = None, **more: object) -> dict:
    key = {"access_key_id": "id", "access_key_secret": f"{MARK}-secret"}
    own = key if kind in {"access_key", "sts"} else {}
    credentials = {"type": kind, **own, **(keys or {})}
    return {"platform": "aliyun", "endpoint": url, "credentials": credentials, **more}


def accounts(url: str, closed: str, secrets: Secrets) -> dict[str, dict]:
    """One for each way to a vendor, and for each place that credentials come from."""
    role = {"arn": "acs:ram::1:role/a"}
    oidc = {"role_arn": role["arn"], "oidc_provider_arn": "acs:ram::1:oidc-provider/a"}
    proxy = url.replace("//", f"//user:{MARK}-proxy1@")
    dead = closed.replace("//", f"//user:{MARK}-proxy2@")
    secure = url.replace("http:", "https:")
    return {
        "dezhu": dezhu(url, secrets),
        "dezhu by a proxy": dezhu("http://tenant.invalid", secrets, proxy_url=proxy),
        "dezhu over TLS": dezhu(secure, secrets),
        "key": aliyun(url, job_groups=[{"instance_id": "i", "job_group_id": "g"}]),
        "token": aliyun(url, "sts", {"security_token": f"{MARK}-token"}, instances=["i"]),
        "oidc": aliyun(
            url, "oidc", {**oidc, "oidc_token_file": str(secrets.token), "sts_endpoint": url}
        ),
        "role": aliyun(url, "access_key", {"role": role, "sts_endpoint": url}),
        "instance role": aliyun(url, "ecs_ram_role", {"metadata_endpoint": url}),
        "uri": aliyun(url, "credentials_uri", {"uri": f"{url}/?token={MARK}-uri"}),
        "uri that is closed": aliyun(url, "credentials_uri", {"uri": f"{closed}/?t={MARK}"}),
        "by a dead proxy": aliyun(secure, proxy_url=dead),
        "by a tunnel": aliyun(secure, proxy_url=proxy),
    }


def written(accounts: dict[str, dict]) -> str:
    calm = {"requests_per_second": 1000, "burst": 10_000, "requests_per_hour": 10_000_000}
    return yaml.safe_dump(
        {
            "defaults": {
                "timeout": "1s",
                "refresh": dict.fromkeys(TIERS, "300s"),
                "budget": calm,
                "collect": ["progress", "agents", "concurrency"],
            },
            "accounts": [{"name": name, **account} for name, account in accounts.items()],
        }
    )


async def asked(drive, method: str, path: str, login: str = LOGIN, **headers: str):
    headers |= {"Authorization": f"Basic {login}"} if login else {}
    url = f"{drive.world.url}{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers) as response,
    ):
        return response.status, f"{response.headers} {await response.text()}"


async def look(drive, secrets: Secrets, when: str, pages: Sequence[str] = PAGES[:2]) -> None:
    for path in pages:
        _, text = await asked(drive, "GET", path)
        secrets.check(f"{path} after {when}", text)
    secrets.check(f"the log after {when}", drive.log)


async def fail_with_every_answer(drive, secrets: Secrets) -> None:
    for name, answer in answers():
        secrets.echo.answer = answer
        await drive.forward(RETRY_SECONDS)
        await look(drive, secrets, name)


async def fail_by_bugs(drive, secrets: Secrets, monkeypatch) -> None:
    def broken(*_, **__):
        secret = f"{MARK} in a local of a bug"
        raise RuntimeError(f"a call to {NUMBERS[0]} of {len(secret)}")

    secrets.echo.answer = http(200, "{}")
    for name in (
        "exporter.sources.dezhu.client.read_page",
        "exporter.sources.aliyun.source.read_page",
        "exporter.sources.aliyun.credentials.uri.read_success",
        "exporter.fleet.difference",
        "exporter.web.running.shown",
    ):
        with monkeypatch.context() as patched:
            patched.setattr(name, broken)
            await drive.forward(RETRY_SECONDS)
            await asked(drive, "POST", "/-/reload")
            await look(drive, secrets, f"a bug in {name}")
    assert "a call to 138********" in drive.log


BAD_ACCOUNTS = {
    "a list for a secret": {"private_key": [MARK]},
    "a mapping for a secret": {"private_key": {"a": MARK}},
    "a number for a secret": {"private_key_passphrase": int(NUMBERS[0])},
    "two of a kind": {"private_key": MARK},
    "a login in an address": {"base_url": f"https://user:{MARK}@host"},
    "a query in an address": {"base_url": f"https://host/?{MARK}"},
    "a proxy of no use": {"proxy_url": f"socks5://user:{MARK}@host:1"},
    "a port of no use": {"proxy_url": f"http://user:{MARK}@host:999999"},
    "a proxy that is no address": {"proxy_url": f"user:{MARK}@host"},
    "a variable that is not closed": {"proxy_url": f"http://user:{MARK}${{x@host"},
    "a variable that is absent": {"proxy_url": f"http://user:{MARK}@${{ABSENT}}"},
    "a zero": {"private_key_passphrase": f"{MARK}\0"},
    "a zone": {"timezone": NUMBERS[0]},
    "a file that is absent": {"private_key_file": f"/absent/{NUMBERS[0]}"},
    "a wrong passphrase": {"private_key_passphrase": f"{MARK}-wrong"},
}
BAD_CREDENTIALS = {
    "a secret for all": MARK,
    "an empty id": {"type": "sts", "access_key_id": "", "access_key_secret": MARK},
    "no token": {"type": "sts", "access_key_id": "a", "access_key_secret": MARK},
    "a token of no use": {
        "type": "sts",
        "access_key_id": "a",
        "access_key_secret": MARK,
        "security_token": f"{MARK}\n{MARK}",
    },
    "a key of another type": {"type": "oidc", "access_key_secret": MARK},
    "an address of no use": {"type": "credentials_uri", "uri": f"ftp://host/?{MARK}"},
    "an address with a login": {"type": "credentials_uri", "uri": f"http://u:{MARK}@host/"},
    "an address with a fragment": {"type": "credentials_uri", "uri": f"http://host/?a#{MARK}"},
}
BAD_TEXTS = {
    "a quote": f'accounts: [{{private_key: "{MARK}',
    "a colon too many": f"accounts:\n- private_key: {MARK}: {NUMBERS[0]}",
    "a tag": f"accounts:\n- private_key: !{MARK} a",
    "an anchor": f"accounts:\n- private_key: &{MARK} a",
    "an alias": f"accounts:\n- private_key: *{MARK}",
    "a key twice": f"accounts:\n- private_key: {MARK}\n  private_key: {MARK}",
    "a tab": f"accounts:\n\t- private_key: {MARK}",
    "a block": f"accounts:\n- private_key: |\n    {MARK}\n   {MARK}\n",
    "a character": f"accounts:\n- private_key: {MARK}\x01",
    "a secret for a key": f"accounts:\n- {MARK}+/=: a",
    "a secret for a list": f"accounts: {MARK}",
    "a secret for the file": MARK,
    "two documents": f"a: {MARK}\n---\nb: {MARK}",
    "a secret in defaults": f"defaults: {{private_key: {MARK}}}\naccounts: [{{}}]",
}


def bad_configurations(secrets: Secrets):
    url = "http://127.0.0.1:1"
    for name, keys in BAD_ACCOUNTS.items():
        yield name, written({"a": dezhu(url, secrets) | keys})
    for name, credentials in BAD_CREDENTIALS.items():
        yield name, written({"a": aliyun(url) | {"credentials": credentials}})
    twice = written({NUMBERS[0]: aliyun(url)})
    yield "a name twice", twice + twice.partition("accounts:\n")[2]
    yield from BAD_TEXTS.items()


async def fail_to_reload(drive, secrets: Secrets) -> None:
    good = drive.world.text
    for name, text in bad_configurations(secrets):
        drive.world.text = text
        status, told = await asked(drive, "POST", "/-/reload")
        assert status == 500, name
        secrets.check(f"the answer to a reload with {name}", told)
    drive.world.text = good
    await asyncio.to_thread(secrets.key.write_text, f"{MARK} is no key", encoding="utf-8")
    await drive.forward(RETRY_SECONDS)
    await look(drive, secrets, "a key that was spoilt")


async def fail_to_ask(drive, secrets: Secrets) -> None:
    for login in ("", WRONG, MARK, base64.b64encode(MARK.encode()).decode()):
        for path in (*PAGES, f"/{MARK}", f"/metrics?account={MARK}", f"/metrics?{MARK}=%00"):
            status, told = await asked(drive, "GET", path, login)
            assert status == 401
            secrets.check("a refusal", told)
    host, port = drive.world.url.removeprefix("http://").split(":")
    for said in (f"{MARK} {NUMBERS[0]}\r\n\r\n", f"GET / HTTP/1.1\r\n{MARK}\x00: {MARK}\r\n\r\n"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(said.encode())
        await reader.read(-1)
        writer.close()
        await writer.wait_closed()
    await look(drive, secrets, "scrapes that were refused")


def log_in_every_format() -> None:
    """Each event in all formats that the command offers, one after another."""
    kept = structlog.get_config()
    renderers = []
    for style in logs.FORMATS:
        logs.configure(level="debug", style=style)
        renderers.append(structlog.get_config()["processors"][-1])

    def render(logger, method, event):
        return "\n".join(each(logger, method, dict(event)) for each in renderers)

    structlog.configure(**kept | {"processors": [*kept["processors"][:-1], render]})


@pytest.mark.timeout(180)
async def test_no_way_to_fail_tells_a_secret_or_a_mobile_number(secrets, monkeypatch, capfd):
    # Else most of the time goes by with looking at a file that stays as it is.
    monkeypatch.setattr("exporter.webconfig.live.LOOK_SECONDS", 100.0)
    async with AsyncExitStack() as stack:
        async with front() as gone:
            closed = gone.url
        between = await stack.enter_async_context(front(secrets.echo.serve))

        def configured(_simulator) -> str:
            # Now, since loggers are bound when accounts are opened.
            log_in_every_format()
            return written(accounts(between.url, closed, secrets))

        drive = await stack.enter_async_context(
            driven(
                options={"dezhu_accounts": 1, "aliyun_accounts": 0, "tasks": 2},
                text=configured,
                web_config=secrets.web,
                # With none a failing call is made again and again.
                random=lambda: 0.9,
            )
        )
        await fail_with_every_answer(drive, secrets)
        assert min(drive.log.count(f'msg{sign}"poll failed"') for sign in ("=", '": ')) > 100
        assert len(secrets.echo.heard) > 100, "signatures were made, and searched for"
        await fail_by_bugs(drive, secrets, monkeypatch)
        await fail_to_reload(drive, secrets)
        await fail_to_ask(drive, secrets)
        await look(drive, secrets, "all", PAGES)
        _, text = await asked(drive, "GET", "/metrics", Accept=OPENMETRICS)
        secrets.check("OpenMetrics", text)
        status, shown = await asked(drive, "GET", "/config")
        assert status == 200
        assert shown.count(HIDDEN) > 10
    secrets.check("the log at the end", drive.log)
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err == ""


# The command line


def bad_web_configurations(secrets: Secrets):
    certificate = Authority().issue("127.0.0.1")
    secrets.file("server.pem", certificate.cert.decode())
    secrets.file("locked.key", encrypted_key_pem(certificate.private).decode())
    secrets.file("garbage.key", f"-----BEGIN PRIVATE KEY-----\n{MARK}\n")
    for key in ("locked.key", "garbage.key", "absent.key"):
        pair = {"cert_file": "server.pem", "key_file": key}
        yield key, yaml.safe_dump({"tls_server_config": pair})
    yield from (
        ("a password for a hash", f"basic_auth_users: {{a: {MARK}}}"),
        ("a password for a name", f"basic_auth_users: {{'{MARK}:{MARK}': {secrets.hash}}}"),
        ("a hash for a name", f"basic_auth_users:\n  - {MARK}"),
        ("a key as text", f"tls_server_config: {{cert: a, key: {MARK}}}"),
        ("a key as a list", f"tls_server_config: {{cert: a, key: [{MARK}]}}"),
        ("a quote", f'basic_auth_users: {{a: "{MARK}'),
    )


@pytest.mark.usefixtures("logs_as_before")
def test_no_command_line_that_fails_tells_a_secret_or_a_mobile_number(secrets, capfd):
    fine = secrets.file("fine.yaml", written({"a": aliyun("http://127.0.0.1:1")}))
    runs = []
    for number, (name, text) in enumerate(bad_configurations(secrets)):
        file = secrets.file(f"{number}.yaml", text)
        runs.append((name, ["--config.file", str(file)]))
    for number, (name, text) in enumerate(bad_web_configurations(secrets)):
        web = secrets.file(f"web-{number}.yml", text)
        runs.append((name, ["--config.file", str(fine), "--web.config.file", str(web)]))
    url = f"http://user:{MARK}@host/"
    runs.append(("an address", ["--config.file", str(fine), "--web.external-url", url]))
    for name, flags in runs:
        for more in (["--config.check"], ["--web.listen-address", "127.0.0.1:0"]):
            assert cli.run([*flags, *more, "--log.level", "debug"]) == 1, name
            told = capfd.readouterr()
            assert len(told.err.splitlines()) == 1, f"{name}: {told.err}"
            secrets.check(f"standard error of {name}", told.out + told.err)
