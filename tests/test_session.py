"""The way to a vendor as configured: TLS files, the name in the certificate, and proxies."""

import asyncio
import json
import shutil
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from exporter import __version__
from exporter.config.model import Account, Common, TlsConfig
from exporter.errors import ConfigError
from exporter.session import TlsContexts, open_session, tls_context
from exporter.sources.dezhu.options import DezhuOptions
from tests.integration._certificates import make
from tests.integration._proxy import proxy

NAME = "vendor.example.test"


def account(*, inherited=(), **common):
    return Account(
        common=Common(name="a", platform="dezhu", **common),
        options=DezhuOptions(base_url="http://127.0.0.1", app_id="x", private_key_file="x"),
        path="accounts[1]",
        inherited=frozenset(inherited),
    )


def tls(files, **names):
    """A ``tls_config`` with files of the fixture, by their names."""
    return TlsConfig(**{key: str(files[name]) for key, name in names.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder):
    """A CA file and the context of a server whose certificate has ``NAME`` alone."""
    return make(folder, NAME)


@pytest.fixture(scope="module")
def files(folder, authority) -> dict[str, Path]:
    whole = (folder / "server.pem").read_bytes()
    key = load_pem_private_key(whole, None)

    def pem(key, encryption=None):
        form = (Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
        return key.private_bytes(*form)

    contents = {
        "client.pem": whole[whole.index(b"-----BEGIN CERTIFICATE") :],
        "client.key": pem(key),
        "other.key": pem(ec.generate_private_key(ec.SECP256R1())),
        "encrypted.key": pem(key, BestAvailableEncryption(b"passphrase")),
        "not.pem": b"this is not PEM\n",
        "empty.pem": b"",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    return {name: folder / name for name in [*contents, "ca.pem", "folder", "absent"]}


# TLS files


def where(key):
    return f"accounts[1].{key}"


def test_without_files_the_authorities_of_the_system_are_trusted():
    context = tls_context(TlsConfig(), where=where)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_an_own_authority_is_the_only_one_that_is_trusted(files):
    context = tls_context(tls(files, ca_file="ca.pem"), where=where)

    names = [dict(part[0] for part in ca["subject"]) for ca in context.get_ca_certs()]
    assert names == [{"commonName": "tests CA"}]
    assert context.check_hostname


def test_a_certificate_and_its_key_are_accepted(files):
    assert tls_context(tls(files, cert_file="client.pem", key_file="client.key"), where=where)


def test_verification_is_off_only_when_told_so():
    context = tls_context(TlsConfig(insecure_skip_verify=True), where=where)

    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


PAIR = {"cert_file": "client.pem", "key_file": "client.key"}
UNUSABLE = {
    "absent CA": ({"ca_file": "absent"}, "ca_file", "cannot use the file {absent}: No such file"),
    "CA is a directory": ({"ca_file": "folder"}, "ca_file", "{folder}: Is a directory"),
    "CA is not PEM": ({"ca_file": "not.pem"}, "ca_file", "the file {not.pem}: expected PEM"),
    "CA is empty": ({"ca_file": "empty.pem"}, "ca_file", "the file {empty.pem}: expected PEM"),
    "CA is a key": ({"ca_file": "client.key"}, "ca_file", "the file {client.key}: expected PEM"),
    "absent certificate": (
        {**PAIR, "cert_file": "absent"},
        "cert_file",
        "cannot use the file {absent}: No such file",
    ),
    "absent key": (
        {**PAIR, "key_file": "absent"},
        "key_file",
        "cannot use the file {absent}: No such file",
    ),
    "key is a directory": ({**PAIR, "key_file": "folder"}, "key_file", "{folder}: Is a directory"),
    "certificate is not PEM": (
        {**PAIR, "cert_file": "not.pem"},
        "cert_file",
        "expected a certificate in {not.pem} and its key in {client.key}, both PEM",
    ),
    "key is not PEM": (
        {**PAIR, "key_file": "not.pem"},
        "cert_file",
        "expected a certificate in {client.pem} and its key in {not.pem}, both PEM",
    ),
    "key of another certificate": (
        {**PAIR, "key_file": "other.key"},
        "cert_file",
        "its key in {other.key}, both PEM (KEY_VALUES_MISMATCH)",
    ),
    # OpenSSL alone would ask for the passphrase at the terminal, for ever.
    "encrypted key": (
        {**PAIR, "key_file": "encrypted.key"},
        "key_file",
        "the key in {encrypted.key} is encrypted: expected one without a passphrase",
    ),
}


@pytest.mark.parametrize(("names", "key", "message"), UNUSABLE.values(), ids=UNUSABLE)
async def test_a_file_of_no_use_is_named_with_its_key_path(files, names, key, message):
    with pytest.raises(ConfigError) as caught:
        async with open_session(account(tls_config=tls(files, **names))):
            pass

    told = str(caught.value)
    for name, file in files.items():
        message = message.replace(f"{{{name}}}", str(file))
    assert told.startswith(f"accounts[1].tls_config.{key}: ")
    assert message in told
    assert "\n" not in told
    assert "BEGIN" not in told


async def test_a_file_named_in_defaults_is_told_at_its_path_there(files):
    with pytest.raises(ConfigError) as caught:
        async with open_session(
            account(tls_config=tls(files, ca_file="not.pem"), inherited=["tls_config.ca_file"])
        ):
            pass

    assert str(caught.value).startswith("defaults.tls_config.ca_file: ")


async def test_accounts_with_the_same_tls_settings_share_one_context(files):
    contexts = TlsContexts()
    trusting = [account(tls_config=tls(files, ca_file="ca.pem")) for _ in range(2)]

    first, second = [await contexts.of(one) for one in trusting]

    assert first is second
    assert await contexts.of(account()) is not first


async def test_a_new_start_reads_the_files_again(files, tmp_path):
    copy = tmp_path / "ca.pem"
    own = account(tls_config=TlsConfig(ca_file=str(copy)))
    await asyncio.to_thread(shutil.copy, files["ca.pem"], copy)
    assert await TlsContexts().of(own)
    await asyncio.to_thread(shutil.copy, files["not.pem"], copy)

    with pytest.raises(ConfigError):
        await TlsContexts().of(own)


# Calls


async def _tell(request):
    return web.json_response(dict(request.headers))


@pytest.fixture
async def vendor():
    """A plain server that answers with the headers it was sent."""
    app = web.Application()
    app.router.add_get("/", _tell)
    async with TestServer(app) as server:
        yield server


async def asked(session, server, **options):
    async with session.get(server.make_url("/"), **options) as response:
        return json.loads(await response.read())


@pytest.fixture
async def secure(authority):
    """The same over TLS; its certificate is for ``NAME``."""
    app = web.Application()
    app.router.add_get("/", _tell)
    server = TestServer(app)
    await server.start_server(ssl=authority[1])
    yield server
    await server.close()


async def test_server_name_is_what_the_certificate_must_have(files, secure):
    async with open_session(account(tls_config=tls(files, ca_file="ca.pem"))) as session:
        assert await asked(session, secure, server_hostname=NAME)
        with pytest.raises(ClientConnectorCertificateError):
            await asked(session, secure)


async def test_an_authority_that_is_not_trusted_is_refused_unless_told_to_skip_it(secure):
    async with open_session(account()) as session:
        with pytest.raises(ClientConnectorCertificateError):
            await asked(session, secure)
    async with open_session(account(tls_config=TlsConfig(insecure_skip_verify=True))) as session:
        assert await asked(session, secure)


async def test_calls_say_who_they_are_and_keep_no_cookies(vendor):
    async with open_session(account()) as session:
        headers = await asked(session, vendor)
        session.cookie_jar.update_cookies({"a": "b"})
        again = await asked(session, vendor)

    assert headers["User-Agent"] == f"outbound-exporter/{__version__}"
    assert "Cookie" not in again


async def test_connections_are_as_many_as_the_budget_lets_calls_run():
    async with open_session(account()) as session:
        assert session.connector.limit == Common(name="a", platform="b").budget.concurrency


async def test_the_environment_gives_a_proxy_only_when_told_to_ask_it(vendor, monkeypatch):
    async with proxy() as between:
        monkeypatch.setenv("http_proxy", between.url)
        async with open_session(account()) as session:
            await asked(session, vendor)
        assert between.seen == []

        async with open_session(account(proxy_from_environment=True)) as session:
            await asked(session, vendor)
        assert between.seen == [f"GET {vendor.make_url('/')}"]


async def test_no_proxy_of_the_environment_is_honoured(vendor, monkeypatch):
    async with proxy() as between:
        monkeypatch.setenv("http_proxy", between.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with open_session(account(proxy_from_environment=True)) as session:
            await asked(session, vendor)
        assert between.seen == []


async def test_a_proxy_of_the_environment_gets_the_login_of_its_address(vendor, monkeypatch):
    async with proxy("user:word") as between:
        monkeypatch.setenv("http_proxy", between.url.replace("http://", "http://user:word@"))
        async with open_session(account(proxy_from_environment=True)) as session:
            headers = await asked(session, vendor)
        assert between.refused == 0
        assert "Proxy-Authorization" not in headers


@pytest.fixture
def netrc(monkeypatch, tmp_path):
    """A login that the environment has for every host."""
    file = tmp_path / "netrc"
    file.write_text("default login somebody password something\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.parametrize("signed", [{}, {"authorization": "ACS3-HMAC-SHA256 of our own"}])
@pytest.mark.usefixtures("netrc")
async def test_a_login_of_netrc_is_never_sent_to_a_vendor(vendor, signed):
    async with open_session(account(proxy_from_environment=True)) as session:
        headers = await asked(session, vendor, headers=signed)

    sent = {name.lower(): value for name, value in headers.items()}
    assert sent.get("authorization") == signed.get("authorization")
