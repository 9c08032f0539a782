"""The way to the vendors: proxies and certificates, and that nothing secret comes out of it."""

import re
from contextlib import AsyncExitStack

import pytest

from exporter.simulator import AccessChange, Fault
from tests.integration._certificates import make
from tests.integration._drive import (
    INTERVAL_SECONDS,
    TWO_EACH,
    codes,
    driven,
    one,
    reasons,
    written,
)
from tests.integration._front import front
from tests.integration._proxy import proxy

BOTH = {"dezhu-demo": "base_url", "aliyun-demo": "endpoint"}
ONE_EACH = {**TWO_EACH, "dezhu_accounts": 1, "aliyun_accounts": 1}
PASSWORD = "password-of-the-proxy-4711"
SECRET_BODY = "body-of-the-vendor-4711"


async def is_whole(drive):
    await drive.polled()
    metrics = await drive.metrics()
    for account in BOTH:
        assert one(metrics, "outbound_account_up", account=account) == 1
        assert codes(metrics, account) == set()
        assert drive.tasks(account)


async def fails_as(drive, reason, code, words):
    await drive.forward(5)
    metrics = await drive.metrics()
    page = await drive.page()
    for account in BOTH:
        assert one(metrics, "outbound_account_up", account=account) == 0
        assert reasons(metrics, account) == {reason}
        assert codes(metrics, account) == {(reason, code)}
        assert drive.tasks(account) == {}
    assert words in page


# Proxies


async def test_every_call_goes_through_the_proxy():
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy())
        drive = await stack.enter_async_context(
            driven(options=ONE_EACH, text=lambda it: written(it, proxy_url=between.url))
        )
        await is_whole(drive)
        asked = len(drive.simulator.requests)
        assert len(between.seen) == asked > 10
        addresses = (drive.simulator.dezhu_url, drive.simulator.aliyun_url)
        for address in addresses:
            assert any(seen.startswith(f"GET {address}/") for seen in between.seen)
        assert all(seen.removeprefix("GET ").startswith(addresses) for seen in between.seen)


async def test_without_the_setting_no_call_goes_through_a_proxy_of_the_environment(monkeypatch):
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy())
        monkeypatch.setenv("http_proxy", between.url)
        drive = await stack.enter_async_context(driven(options=ONE_EACH))
        await is_whole(drive)
        assert between.seen == []


async def test_a_proxy_of_the_environment_is_used_when_told_so(monkeypatch):
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy())
        monkeypatch.setenv("http_proxy", between.url)
        drive = await stack.enter_async_context(
            driven(options=ONE_EACH, text=lambda it: written(it, proxy_from_environment=True))
        )
        await is_whole(drive)
        assert len(between.seen) == len(drive.simulator.requests)


def with_login(url, login):
    return url.replace("http://", f"http://{login}@")


async def test_a_proxy_gets_its_user_name_and_password_and_nobody_else_sees_them():
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy(f"user:{PASSWORD}"))
        url = with_login(between.url, f"user:{PASSWORD}")
        drive = await stack.enter_async_context(
            driven(
                options=ONE_EACH,
                text=lambda it: written(it, lambda accounts: set_on_all(accounts, proxy_url=url)),
            )
        )
        await is_whole(drive)
        assert between.refused == 0
        await drive.assert_nothing_leaks(PASSWORD)


async def test_a_proxy_that_refuses_the_password_is_told_without_it():
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy("user:another"))
        url = with_login(between.url, f"user:{PASSWORD}")
        drive = await stack.enter_async_context(
            driven(
                options=ONE_EACH,
                text=lambda it: written(it, lambda accounts: set_on_all(accounts, proxy_url=url)),
            )
        )
        await drive.forward(5)
        assert between.refused > 0
        for account in BOTH:
            assert drive.up(account) is False
        assert "407" in await drive.page()
        await drive.assert_nothing_leaks(PASSWORD)


async def test_a_proxy_that_is_not_there_is_told():
    async with AsyncExitStack() as stack:
        async with front() as closed:
            url = with_login(closed.url, f"user:{PASSWORD}")
        drive = await stack.enter_async_context(
            driven(
                options=ONE_EACH,
                text=lambda it: written(it, lambda accounts: set_on_all(accounts, proxy_url=url)),
            )
        )
        await fails_as(drive, "unavailable", "proxy", "check proxy_url")
        assert len(drive.simulator.requests) == 0
        await drive.assert_nothing_leaks(PASSWORD)


def set_on_all(accounts, **keys):
    for account in accounts.values():
        account.update(keys)


# Certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA file, and a server's certificate for the address that it listens at."""
    return make(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture(scope="module")
def named_authority(tmp_path_factory):
    """The same for a name instead."""
    return make(tmp_path_factory.mktemp("named"), "tenant.example.com")


async def secured(stack, context, tls_config, **defaults):
    """Both vendors behind TLS; returns the world and the connections made."""
    fronts = {account: await stack.enter_async_context(front(tls=context)) for account in BOTH}

    def text(simulator):
        fronts["dezhu-demo"].target = simulator.dezhu_url
        fronts["aliyun-demo"].target = simulator.aliyun_url

        def change(accounts):
            for name, key in BOTH.items():
                accounts[name][key] = fronts[name].url

        return written(simulator, change, tls_config=tls_config, **defaults)

    drive = await stack.enter_async_context(driven(options=ONE_EACH, text=text))
    return drive, fronts


async def test_a_private_ca_is_trusted_when_it_is_named(authority):
    ca_file, context = authority
    async with AsyncExitStack() as stack:
        drive, fronts = await secured(stack, context, {"ca_file": str(ca_file)})
        await is_whole(drive)
        for each in fronts.values():
            assert 1 <= each.connections <= 4, "connections are kept, not made for each call"


async def test_a_private_ca_is_not_trusted_unless_it_is_named(authority):
    _, context = authority
    async with AsyncExitStack() as stack:
        drive, _ = await secured(stack, context, {})
        await fails_as(drive, "unavailable", "tls", "check the certificate, tls_config.ca_file")
        assert len(drive.simulator.requests) == 0
        await drive.assert_nothing_leaks()


async def test_verification_can_be_switched_off(authority):
    _, context = authority
    async with AsyncExitStack() as stack:
        drive, _ = await secured(stack, context, {"insecure_skip_verify": True})
        await is_whole(drive)


async def test_a_certificate_for_another_name_is_refused(named_authority):
    ca_file, context = named_authority
    async with AsyncExitStack() as stack:
        drive, _ = await secured(stack, context, {"ca_file": str(ca_file)})
        await fails_as(drive, "unavailable", "tls", "tls_config.server_name")


async def test_a_certificate_for_another_name_is_accepted_when_it_is_named(named_authority):
    ca_file, context = named_authority
    async with AsyncExitStack() as stack:
        tls = {"ca_file": str(ca_file), "server_name": "tenant.example.com"}
        drive, _ = await secured(stack, context, tls)
        await is_whole(drive)


async def test_tls_goes_through_a_proxy_as_a_tunnel(authority):
    ca_file, context = authority
    async with AsyncExitStack() as stack:
        between = await stack.enter_async_context(proxy(f"user:{PASSWORD}"))
        url = with_login(between.url, f"user:{PASSWORD}")
        drive, fronts = await secured(stack, context, {"ca_file": str(ca_file)}, proxy_url=url)
        await is_whole(drive)
        assert {seen.split(" ")[0] for seen in between.seen} == {"CONNECT"}
        hosts = {f"CONNECT {each.url.removeprefix('https://')}" for each in fronts.values()}
        assert set(between.seen) == hosts
        await drive.assert_nothing_leaks(PASSWORD)


async def test_a_server_that_speaks_plain_http_where_tls_was_expected_is_told():
    def text(simulator):
        def change(accounts):
            for name, key in BOTH.items():
                accounts[name][key] = accounts[name][key].replace("http://", "https://")

        return written(simulator, change)

    async with driven(options=ONE_EACH, text=text) as drive:
        await fails_as(drive, "unavailable", "tls", "TLS failed")


# What must not show


@pytest.mark.parametrize("status", [200, 400, 403, 500, 502])
async def test_no_piece_of_an_answer_shows_anywhere(status):
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        drive.simulator.faults.set(
            Fault(kind="status", http_status=status, body=f"<p>{SECRET_BODY}</p>")
        )
        await drive.forward(INTERVAL_SECONDS + 3)
        for account in BOTH:
            assert drive.up(account) is False
        assert drive.lines("poll failed")
        await drive.assert_nothing_leaks(SECRET_BODY)


async def test_no_message_and_no_unknown_code_of_a_vendor_shows_anywhere():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        drive.simulator.faults.set(
            Fault(
                kind="code", code=f"Code.{SECRET_BODY}", message=f"call 13800000000 {SECRET_BODY}"
            )
        )
        await drive.forward(INTERVAL_SECONDS + 3)
        assert not any(drive.up(account) for account in BOTH)
        await drive.assert_nothing_leaks(SECRET_BODY, "13800000000")


async def test_free_text_and_calling_numbers_show_nowhere():
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        _, metrics = await drive.world.get("/metrics")
        series = "\n".join(line.rpartition(" ")[0] for line in metrics.splitlines())
        _, page = await drive.world.get("/")
        for text in (series, page, drive.log):
            assert "外呼机器人" not in text.replace('instance_name="外呼机器人', "")
            assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text), "no mobile number"
        # Calling numbers are counted and never told.
        assert drive.world.values("outbound_task_calling_numbers", account="aliyun-demo")


async def test_temporary_credentials_show_nowhere_even_when_they_are_over():
    async with driven(options={**ONE_EACH, "sts": True}) as drive:
        await drive.polled()
        drive.simulator.change_access(AccessChange(account="aliyun-demo", token_expired=True))
        await drive.forward(INTERVAL_SECONDS + 3)
        metrics = await drive.metrics()
        assert reasons(metrics, "aliyun-demo") == {"auth"}
        assert codes(metrics, "aliyun-demo") == {("auth", "InvalidSecurityToken.Expired")}
        await drive.assert_nothing_leaks()


async def test_a_fault_of_our_own_is_logged_with_its_traceback_and_without_a_secret(monkeypatch):
    async with driven(options=ONE_EACH) as drive:
        await drive.polled()
        good = drive.tasks("dezhu-demo")

        def broken(*_):
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr("exporter.sources.dezhu.client.read_page", broken)
        await drive.forward(INTERVAL_SECONDS + 3)
        assert drive.up("dezhu-demo") is False
        assert drive.up("aliyun-demo") is True
        assert reasons(await drive.metrics(), "dezhu-demo") == {"bug"}
        assert "its log has the traceback" in await drive.page()
        assert drive.tasks("dezhu-demo") == good
        assert "broken on purpose" in drive.lines("bug")[0]["exception"]
        await drive.assert_nothing_leaks()
        monkeypatch.undo()
        await drive.until(lambda: drive.up("dezhu-demo") is True, within=INTERVAL_SECONDS + 1)
