"""Temporary credentials from where they come to every poll: several lives of them, none that fails.

The simulated vendor refuses a token that is over, so a poll that works proves that its credentials
were renewed in time.
"""

from contextlib import asynccontextmanager

import pytest

from exporter.simulator import CredentialChange, Fault
from tests.integration._drive import TWO_EACH, driven, one, reasons, written

LIFETIME_SECONDS = 300
ACCOUNT = "aliyun-demo"
ONE = {**TWO_EACH, "dezhu_accounts": 0, "aliyun_accounts": 1}
EXPIRY = "outbound_account_credential_expiry_timestamp_seconds"


@asynccontextmanager
async def polled(kind, change=None, **options):
    """An exporter that has polled an account whose credentials come from ``kind``."""
    made = {**ONE, "credentials": kind, "credential_lifetime": LIFETIME_SECONDS, **options}
    async with driven(options=made, text=lambda it: written(it, change and change(it))) as drive:
        await drive.polled()
        yield drive


def asked(drive, *operations):
    """Requests to the services that hand out credentials."""
    return [one for one in drive.simulator.requests if one.operation in operations]


def refused(drive):
    return [one for one in drive.simulator.requests if one.http_status != 200]


async def test_uri_is_polled_with_over_several_lives_without_a_failed_poll():
    async with polled("credentials_uri") as drive:
        for _ in range(5 * LIFETIME_SECONDS // 30):
            await drive.forward(30)
            metrics = await drive.metrics()
            assert one(metrics, "outbound_account_up", account=ACCOUNT) == 1
            assert one(metrics, EXPIRY, account=ACCOUNT) > drive.clock.now()

        assert refused(drive) == []
        assert len(asked(drive, "CredentialsURI")) >= 5


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


@pytest.mark.parametrize("kind", ["configured"])
async def test_permanent_credentials_have_no_expiry(kind):
    async with polled(kind) as drive:
        assert one(await drive.metrics(), EXPIRY, account=ACCOUNT) is None
