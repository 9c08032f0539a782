"""Temporary credentials from where they come to every poll: several lives of them, none that fails.

The simulated vendor refuses a token that is over, so a poll that works proves that its credentials
were renewed in time.
"""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from shutil import copyfile

import pytest
import yaml

from exporter.simulator import CredentialChange, Fault
from exporter.simulator.issuing import provider_arn, role_arn
from tests.integration._certificates import make
from tests.integration._drive import DEFAULTS, TWO_EACH, driven, of, one, reasons, written
from tests.integration._front import front
from tests.integration._proxy import proxy

LIFETIME_SECONDS = 300
ACCOUNT = "aliyun-demo"
TOKEN = "oidc-token-of-the-cluster"
ONE = {**TWO_EACH, "dezhu_accounts": 0, "aliyun_accounts": 1, "tasks": 6}
EXPIRY = "outbound_account_credential_expiry_timestamp_seconds"


@asynccontextmanager
async def polled(kind, credentials=None, defaults=(), **options):
    """An exporter that has polled an account whose credentials come from ``kind``.

    ``credentials`` makes those of the configuration from the simulator, and what they are.
    """
    made = {**ONE, "credentials": kind, "credential_lifetime": LIFETIME_SECONDS, **options}

    def text(simulator):
        def change(accounts):
            if credentials is not None:
                was = accounts[ACCOUNT]["credentials"]
                accounts[ACCOUNT]["credentials"] = credentials(simulator, was)

        return written(simulator, change, **dict(defaults))

    async with driven(options=made, text=text) as drive:
        await drive.polled()
        yield drive


def asked(drive, *operations):
    """Requests to the services that hand out credentials."""
    return [row for row in drive.simulator.requests if row.operation in operations]


def refused(drive):
    return [row for row in drive.simulator.requests if row.http_status != 200]


async def lives(drive, count=4):
    """Live through so many lives of the credentials, with never a failed poll."""
    for _ in range(count * LIFETIME_SECONDS // 60):
        await drive.forward(60)
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=ACCOUNT) == 1
        assert one(metrics, EXPIRY, account=ACCOUNT) > drive.clock.now()
    assert refused(drive) == []


@pytest.fixture
def token_file(tmp_path):
    """Holds the first OIDC token of the cluster."""
    file = tmp_path / "oidc-token"
    file.write_text(TOKEN)
    return file


def oidc(token_file):
    def credentials(simulator, _):
        simulator.issuer.oidc_tokens[ACCOUNT] = TOKEN
        return {
            "type": "oidc",
            "role_arn": role_arn(ACCOUNT),
            "oidc_provider_arn": provider_arn(),
            "oidc_token_file": str(token_file),
            "sts_endpoint": simulator.credentials_url,
        }

    return credentials


def default(simulator, _):
    return {"type": "default", "metadata_endpoint": simulator.credentials_url}


def chained(simulator, was):
    role = {"arn": role_arn(ACCOUNT)}
    return {**was, "role": role, "sts_endpoint": simulator.credentials_url}


@pytest.mark.parametrize(
    ("kind", "credentials", "operation"),
    [
        ("credentials_uri", None, "CredentialsURI"),
        ("ecs_ram_role", None, "MetadataCredentials"),
        ("role", None, "AssumeRole"),
        ("ecs_ram_role", chained, "AssumeRole"),
        ("credentials_uri", chained, "AssumeRole"),
        ("configured", default, "MetadataCredentials"),
    ],
)
async def test_several_lives_of_credentials_pass_without_a_failed_poll(
    kind, credentials, operation
):
    async with polled(kind, credentials) as drive:
        await lives(drive)

        assert 4 <= len(asked(drive, operation)) < 10
        await drive.assert_nothing_leaks()


async def test_oidc_token_that_the_cluster_rotates_passes_without_a_failed_poll(token_file):
    async with polled("configured", oidc(token_file)) as drive:
        for _ in range(3):
            await lives(drive, count=2)
            drive.simulator.issuer.oidc_tokens[ACCOUNT] += "-rotated"
            token = drive.simulator.issuer.oidc_tokens[ACCOUNT]
            await asyncio.to_thread(token_file.write_text, token)

        assert len(asked(drive, "AssumeRoleWithOIDC")) >= 6
        await drive.assert_nothing_leaks()


async def test_instances_share_one_request_for_their_credentials():
    async with polled("credentials_uri", aliyun_instances=8) as drive:
        assert len(asked(drive, "CredentialsURI")) == 1
        assert len(asked(drive, "ListJobGroups")) >= 24


FAULTS = [
    {"kind": "status", "http_status": 500},
    {"kind": "status", "http_status": 403},
    {"kind": "garbage"},
    {"kind": "huge"},
    {"kind": "reset"},
    {"kind": "close_midway"},
    {"kind": "gzip_bomb", "size": 20_000_000},
]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("credentials_uri", fault) for fault in FAULTS),
        *(("ecs_ram_role", fault) for fault in FAULTS[:2]),
        *(("role", fault) for fault in FAULTS[:2]),
    ],
)
async def test_service_that_fails_while_the_old_ones_are_valid_costs_no_poll(kind, fault):
    async with polled(kind) as drive:
        await drive.forward(LIFETIME_SECONDS / 2)
        operations = {"ecs_ram_role": "MetadataToken", "role": "AssumeRole"}
        operation = operations.get(kind, "CredentialsURI")
        identity = drive.simulator.faults.set(Fault(operation=operation, **fault))
        await drive.forward(LIFETIME_SECONDS / 3)
        assert drive.up(ACCOUNT) is True
        assert len(drive.lines("credentials not refreshed; the old ones are still valid")) == 1
        drive.simulator.faults.clear(identity)

        await drive.forward(LIFETIME_SECONDS)
        assert drive.lines("poll failed") == []
        assert len(asked(drive, operation)) < 20
        await drive.assert_nothing_leaks()


@pytest.mark.parametrize("kind", ["credentials_uri", "role"])
async def test_a_reload_goes_on_with_credentials_that_are_valid_though_none_are_to_be_had(kind):
    async with polled(kind) as drive:
        operation = "AssumeRole" if kind == "role" else "CredentialsURI"
        drive.simulator.faults.set(Fault(kind="status", operation=operation))
        held = one(await drive.metrics(), EXPIRY, account=ACCOUNT)
        document = yaml.safe_load(drive.world.text)
        document["defaults"]["timeout"] = "7s"
        drive.world.text = yaml.safe_dump(document)

        found = await drive.world.exporter.reload()

        assert list(found.changed) == [ACCOUNT]
        assert one(await drive.metrics(), EXPIRY, account=ACCOUNT) == held
        await drive.forward(LIFETIME_SECONDS / 2)
        assert drive.up(ACCOUNT) is True
        assert drive.lines("poll failed") == []
        await drive.assert_nothing_leaks()


@pytest.mark.parametrize("kind", ["credentials_uri", "role"])
async def test_service_that_refuses_until_they_have_expired_takes_the_account_down(kind):
    async with polled(kind) as drive:
        drive.simulator.faults.set(
            Fault(
                kind="code",
                operation="CredentialsURI" if kind == "credentials_uri" else "AssumeRole",
                code="InvalidAccessKeyId.NotFound",
            )
        )
        await drive.until(lambda: drive.up(ACCOUNT) is False, within=LIFETIME_SECONDS + 60)
        metrics = await drive.metrics()
        assert one(metrics, EXPIRY, account=ACCOUNT) <= drive.clock.now()
        assert reasons(metrics, ACCOUNT) == {"config" if kind == "credentials_uri" else "auth"}
        page = await drive.page()
        assert "the credentials have expired" in page
        # No call is made with what is known to be over.
        assert {row.operation for row in refused(drive)} <= {"CredentialsURI", "AssumeRole"}


async def test_token_that_the_vendor_ends_early_is_renewed_at_once():
    async with polled("credentials_uri") as drive:
        await drive.forward(LIFETIME_SECONDS / 2)
        before = len(asked(drive, "CredentialsURI"))
        drive.simulator.faults.set(
            Fault(
                kind="code", operation="ListJobGroups", code="InvalidSecurityToken.Expired", times=1
            )
        )
        await drive.forward(65)

        assert drive.up(ACCOUNT) is True
        assert drive.lines("poll failed") == []
        assert len(asked(drive, "CredentialsURI")) == before + 1


async def test_vendor_that_refuses_every_token_does_not_make_us_ask_for_ever_more():
    async with polled("credentials_uri") as drive:
        await drive.forward(40)
        drive.simulator.faults.set(
            Fault(kind="code", operation="ListJobGroups", code="InvalidSecurityToken.Malformed")
        )
        await drive.forward(LIFETIME_SECONDS)

        assert drive.up(ACCOUNT) is False
        assert len(asked(drive, "CredentialsURI")) < 10


# The way there


async def test_services_beside_the_exporter_are_reached_through_no_proxy(monkeypatch):
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy())
        monkeypatch.setenv("http_proxy", between.url)
        for defaults in ({"proxy_url": between.url}, {"proxy_from_environment": True}):
            for kind in ("credentials_uri", "ecs_ram_role"):
                drive = await stack.enter_async_context(polled(kind, defaults=defaults))
                address = drive.simulator.credentials_url
                assert asked(drive, "CredentialsURI", "MetadataCredentials")
                assert any(drive.simulator.aliyun_url in seen for seen in between.seen)
                assert not any(address in seen for seen in between.seen)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """A file of two CAs, and the servers' contexts: one for a name, one for the address."""
    made = [
        make(tmp_path_factory.mktemp("authority"), name)
        for name in ("tenant.example.com", "127.0.0.1")
    ]
    both = tmp_path_factory.mktemp("authorities") / "both.pem"
    both.write_text("".join(file.read_text() for file, _ in made))
    return both, *(context for _, context in made)


def behind(vendor, services, **defaults):
    """A configuration whose API and services are reached through fronts, where there are any."""

    def text(simulator):
        services.target = simulator.credentials_url

        def change(accounts):
            if vendor is not None:
                vendor.target = simulator.aliyun_url
                accounts[ACCOUNT]["endpoint"] = vendor.url
            accounts[ACCOUNT]["credentials"] = {
                "type": "credentials_uri",
                "uri": f"{services.url}/credentials/{ACCOUNT}",
                "role": {"arn": role_arn(ACCOUNT)},
                "sts_endpoint": services.url,
            }

        return written(simulator, change, **defaults)

    return driven(options=ONE, text=text)


async def test_name_of_the_certificate_is_that_of_the_api_and_not_of_the_services(authorities):
    both, named, plain = authorities
    tls = {"ca_file": str(both), "server_name": "tenant.example.com"}
    async with (
        front(tls=named) as vendor,
        front(tls=plain) as services,
        behind(vendor, services, tls_config=tls) as drive,
    ):
        await drive.polled()
        operations = {row.operation for row in drive.simulator.requests}
        assert operations > {"AssumeRole", "CredentialsURI", "ListJobGroups"}
        assert services.connections == 2


async def test_certificate_that_nobody_vouches_for_is_refused_by_a_clear_error(authorities):
    async with front(tls=authorities[2]) as services, behind(None, services) as drive:
        await drive.until(lambda: drive.up(ACCOUNT) is False, within=20)
        assert reasons(await drive.metrics(), ACCOUNT) == {"unavailable"}
        assert "TLS failed; check its certificate and tls_config.ca_file" in await drive.page()
        assert len(drive.simulator.requests) == 0


@pytest.mark.parametrize("kind", ["credentials_uri", "ecs_ram_role"])
async def test_a_tls_file_that_breaks_later_does_not_keep_credentials_from_being_renewed(
    kind, authorities, tmp_path
):
    file = tmp_path / "ca.pem"
    await asyncio.to_thread(copyfile, authorities[0], file)
    async with polled(kind, defaults={"tls_config": {"ca_file": str(file)}}) as drive:
        await asyncio.to_thread(file.write_text, "no PEM")
        await lives(drive, count=2)
        assert drive.lines("bug") == []


async def test_sts_is_reached_through_the_proxy_of_the_account():
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy())
        drive = await stack.enter_async_context(polled("role", defaults={"proxy_url": between.url}))
        address = drive.simulator.credentials_url
        assert sum(f"GET {address}/?" in seen for seen in between.seen) == 1


async def test_calls_to_sts_are_told_by_their_name():
    async with polled("role") as drive:
        metrics = await drive.metrics()
        name = "outbound_exporter_api_requests_total"
        counted = {
            sample.labels["operation"]: sample.value
            for sample in of(metrics, name, account=ACCOUNT)
        }
        assert counted["AssumeRole"] == 1
        assert sum(counted.values()) == len(drive.simulator.requests)


async def test_sts_that_throttles_does_not_slow_the_polls():
    async with polled("role") as drive:
        await drive.forward(LIFETIME_SECONDS / 2)
        drive.simulator.faults.set(
            Fault(kind="code", operation="AssumeRole", code="Throttling.User", times=1)
        )
        await drive.forward(LIFETIME_SECONDS / 3)
        metrics = await drive.metrics()
        throttled = {"operation": "AssumeRole", "account": ACCOUNT}

        assert one(metrics, "outbound_exporter_api_throttled_total", **throttled) == 1
        rate = one(metrics, "outbound_exporter_api_budget_requests_per_second", account=ACCOUNT)
        assert rate == DEFAULTS["budget"]["requests_per_second"]
        assert drive.up(ACCOUNT) is True


async def test_other_accounts_are_untouched_by_one_whose_credentials_end():
    async with polled("credentials_uri", aliyun_accounts=2) as drive:
        drive.simulator.faults.set(
            Fault(kind="status", operation="CredentialsURI", account=ACCOUNT)
        )
        await drive.until(lambda: drive.up(ACCOUNT) is False, within=LIFETIME_SECONDS + 60)
        await drive.forward(LIFETIME_SECONDS)

        assert drive.up(f"{ACCOUNT}-2") is True
        assert {row["account"] for row in drive.lines("poll failed")} == {ACCOUNT}


# What becomes of them when nobody renews them


async def test_service_that_renews_no_more_shows_as_an_expiry_that_comes_near_and_then_heals():
    async with polled("credentials_uri") as drive:
        drive.simulator.change_credentials(CredentialChange(renewing=False))
        first = one(await drive.metrics(), EXPIRY, account=ACCOUNT)

        await drive.until(lambda: drive.up(ACCOUNT) is False, within=2 * LIFETIME_SECONDS)
        metrics = await drive.metrics()
        assert one(metrics, EXPIRY, account=ACCOUNT) == first
        assert drive.clock.now() >= first
        assert reasons(metrics, ACCOUNT) == {"unavailable"}
        assert "the credentials have expired" in await drive.page()

        drive.simulator.change_credentials(CredentialChange(renewing=True))
        await drive.until(lambda: drive.up(ACCOUNT) is True, within=150)
        assert one(await drive.metrics(), EXPIRY, account=ACCOUNT) > drive.clock.now()
        await drive.assert_nothing_leaks()


async def test_service_that_fails_for_a_while_costs_no_poll_and_two_lines_in_the_log():
    async with polled("credentials_uri") as drive:
        await drive.forward(LIFETIME_SECONDS / 2)
        fault = drive.simulator.faults.set(Fault(kind="status", operation="CredentialsURI"))
        await drive.forward(LIFETIME_SECONDS / 3)
        (line,) = drive.lines("credentials not refreshed; the old ones are still valid")
        assert line["reason"] == "unavailable"
        assert line["account"] == ACCOUNT
        assert len(asked(drive, "CredentialsURI")) > 3

        drive.simulator.faults.clear(fault)
        await drive.forward(LIFETIME_SECONDS)
        assert len(drive.lines("credentials refreshed again")) == 1
        assert {row.operation for row in refused(drive)} == {"CredentialsURI"}
        assert drive.up(ACCOUNT) is True


@pytest.mark.parametrize("options", [{}, {"sts": True}])
async def test_credentials_of_the_configuration_have_no_expiry(options):
    async with polled("configured", **options) as drive:
        assert one(await drive.metrics(), EXPIRY, account=ACCOUNT) is None


async def test_key_of_the_environment_is_polled_with_and_has_no_expiry(monkeypatch):
    def credentials(simulator, was):
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", was["access_key_id"])
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", was["access_key_secret"])
        return {"type": "environment"}

    async with polled("configured", credentials) as drive:
        assert drive.up(ACCOUNT) is True
        assert one(await drive.metrics(), EXPIRY, account=ACCOUNT) is None
