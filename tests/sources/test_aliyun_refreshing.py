"""How temporary credentials are kept fresh, whatever service hands them out."""

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from exporter.background import Background
from exporter.errors import ConfigError, PollError, Reason
from exporter.secret import Secret
from exporter.sources.aliyun.credentials.model import Credentials, Tools
from exporter.sources.aliyun.credentials.refreshing import RefreshingCredentials
from tests.fakes import FakeClock, no_random, settle

HOUR = 3600.0
UNAVAILABLE = PollError(Reason.UNAVAILABLE, "the service: cannot be reached", code="connection")


@pytest.fixture
def told():
    """What is logged."""
    with capture_logs() as lines:
        yield lines


class Service:
    """Hands out credentials of an hour, or what a test puts in their place."""

    def __init__(self, clock):
        self._clock = clock
        self.fetched = []
        self.gate = None
        self.error = None
        self.lifetime = HOUR
        self.again = None

    async def fetch(self):
        self.fetched.append(self._clock.now())
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.again or credentials(len(self.fetched), self._clock.now() + self.lifetime)

    async def check(self):
        pass


def credentials(number, expires_at):
    secret = Secret(f"s3cr3t-{number}")
    return Credentials(f"id-{number}", secret, Secret(f"t0ken-{number}"), expires_at)


class Clock(FakeClock):
    """A clock whose wall can be set while time goes on."""

    set_forward = 0.0

    def now(self):
        return super().now() + self.set_forward


@asynccontextmanager
async def kept(random=no_random):
    clock = Clock()
    service = Service(clock)
    async with Background() as background:
        tools = Tools(account="bots", clock=clock, random=random, background=background, environ={})
        yield service, RefreshingCredentials(service, tools), clock


async def id_of(provider):
    return (await provider.get()).access_key_id


async def failing(provider):
    with pytest.raises(PollError) as caught:
        await provider.get()
    return caught.value


async def test_nothing_is_asked_for_before_the_first_call():
    async with kept() as (service, provider, clock):
        await provider.check()
        await clock.advance(HOUR)

        assert service.fetched == []
        assert provider.expiry is None


async def test_callers_at_the_same_time_share_one_refresh():
    async with kept() as (service, provider, _):
        service.gate = asyncio.Event()
        callers = [asyncio.create_task(provider.get()) for _ in range(50)]
        await settle()
        service.gate.set()
        found = await asyncio.gather(*callers)

        assert {each.access_key_id for each in found} == {"id-1"}
        assert len(service.fetched) == 1


async def test_caller_that_is_cancelled_leaves_the_refresh_to_the_others():
    async with kept() as (service, provider, _):
        service.gate = asyncio.Event()
        first, second = (asyncio.create_task(provider.get()) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        service.gate.set()

        assert (await second).access_key_id == "id-1"
        assert first.cancelled()
        assert len(service.fetched) == 1


async def test_refresh_whose_only_caller_is_cancelled_is_there_for_the_next():
    async with kept() as (service, provider, _):
        service.gate = asyncio.Event()
        caller = asyncio.create_task(provider.get())
        await settle()
        caller.cancel()
        await settle()
        service.gate.set()

        assert await id_of(provider) == "id-1"
        assert len(service.fetched) == 1


@pytest.mark.parametrize(("jitter", "lead"), [(0.0, 900.0), (0.99, 900.0 * 1.198)])
async def test_an_hour_is_renewed_a_quarter_before_its_end_without_a_caller(jitter, lead):
    async with kept(random=lambda: jitter) as (service, provider, clock):
        await provider.get()
        await clock.advance(HOUR - lead - 1)
        assert len(service.fetched) == 1
        await clock.advance(2)

        assert len(service.fetched) == 2
        assert provider.expiry == service.fetched[1] + HOUR
        assert await id_of(provider) == "id-2"


async def test_short_life_is_renewed_in_its_last_third():
    async with kept() as (service, provider, clock):
        service.lifetime = 30.0
        await provider.get()
        await clock.advance(300)

        waits = [later - earlier for earlier, later in pairwise(service.fetched)]
        assert waits == pytest.approx([20.0] * 15)


async def test_nobody_waits_while_valid_ones_are_renewed():
    async with kept() as (service, provider, clock):
        await provider.get()
        service.gate = asyncio.Event()
        await clock.advance(HOUR - 800)
        assert len(service.fetched) == 2

        async with asyncio.timeout(1):
            assert await id_of(provider) == "id-1"
        assert len(service.fetched) == 2
        service.gate.set()


async def test_failing_renewal_keeps_the_old_ones_with_growing_pauses_and_two_lines(told):
    async with kept(random=lambda: 0.9) as (service, provider, clock):
        await provider.get()
        await clock.advance(HOUR - 1100)
        service.error = UNAVAILABLE
        await clock.advance(700)
        tried = service.fetched[1:]
        assert await id_of(provider) == "id-1"

        waits = [later - earlier for earlier, later in pairwise(tried)]
        assert waits[0] < 5 < waits[-1] <= 72
        assert waits == sorted(waits)
        service.error = None
        await clock.advance(120)
        assert (await id_of(provider)) == f"id-{len(service.fetched)}"

    lines = [line for line in told if "credentials" in line["event"]]
    assert [line["event"] for line in lines] == [
        "credentials not refreshed; the old ones are still valid",
        "credentials refreshed again",
    ]
    assert lines[0]["account"] == "bots"
    assert lines[0]["reason"] == "unavailable"
    assert 0 < lines[0]["seconds_left"] < 1100
    assert "s3cr3t" not in repr(lines)


async def test_expired_ones_that_cannot_be_renewed_are_an_error_that_tells_why():
    async with kept() as (service, provider, clock):
        await provider.get()
        service.error = UNAVAILABLE
        await clock.advance(HOUR + 1)

        error = await failing(provider)
        assert error.reason is Reason.UNAVAILABLE
        assert error.message == "the credentials have expired: the service: cannot be reached"
        assert provider.expiry == service.fetched[0] + HOUR

        service.error = None
        await clock.advance(61)
        assert provider.expiry > clock.now()
        assert await provider.get()


@pytest.mark.parametrize("reason", [Reason.AUTH, Reason.PERMISSION, Reason.RATE_LIMITED])
async def test_error_has_the_reason_of_the_service(reason):
    async with kept() as (service, provider, _):
        service.error = PollError(reason, "no", code="code", retry_after=7.0)

        error = await failing(provider)
        assert (error.reason, error.code, error.retry_after) == (reason, "code", 7.0)
        assert error.message == "no credentials: no"


async def test_each_who_waits_gets_an_error_of_its_own():
    async with kept() as (service, provider, _):
        service.error = UNAVAILABLE
        errors = await asyncio.gather(*(failing(provider) for _ in range(5)))

        assert len({id(error) for error in errors}) == 5
        assert len(service.fetched) == 1


async def test_polls_that_fail_do_not_hammer_the_service():
    async with kept() as (service, provider, clock):
        service.error = PollError(Reason.AUTH, "no")
        for _ in range(100):
            await failing(provider)
        assert len(service.fetched) == 1
        await clock.advance(299)
        await failing(provider)
        assert len(service.fetched) == 1
        await clock.advance(2)
        assert len(service.fetched) == 2


async def test_throttled_service_is_left_alone_for_as_long_as_it_asks():
    async with kept() as (service, provider, clock):
        service.error = PollError(Reason.RATE_LIMITED, "no", retry_after=500.0)
        await failing(provider)
        await clock.advance(499)
        assert len(service.fetched) == 1
        await clock.advance(2)
        assert len(service.fetched) == 2


async def test_file_of_no_use_is_a_configuration_error_and_heals():
    async with kept() as (service, provider, clock):
        service.error = ConfigError("cannot read", path="accounts[0].credentials.oidc_token_file")
        for _ in range(2):
            with pytest.raises(ConfigError, match="cannot read") as caught:
                await provider.get()
            assert caught.value.path == "accounts[0].credentials.oidc_token_file"
        service.error = None
        await clock.advance(61)

        assert await provider.get()


async def test_service_that_gives_the_same_again_is_asked_more_often_but_never_in_a_rush():
    async with kept() as (service, provider, clock):
        service.again = credentials(1, clock.now() + HOUR)
        await provider.get()
        await clock.advance(HOUR - 1)
        assert await id_of(provider) == "id-1"
        waits = [later - earlier for earlier, later in pairwise(service.fetched)]
        assert len(service.fetched) < 20
        assert min(waits) >= 0.5

        await clock.advance(2)
        error = await failing(provider)
        assert "have expired; check both clocks" in error.message


async def test_ones_that_are_over_when_they_come_are_refused():
    async with kept() as (service, provider, clock):
        service.again = credentials(1, clock.now())

        assert (await failing(provider)).reason is Reason.UNAVAILABLE
        assert provider.expiry is None


async def test_ones_that_last_are_asked_for_once():
    async with kept() as (service, provider, clock):
        service.again = Credentials("id", Secret("s3cr3t"))
        await provider.get()
        await clock.advance(5 * HOUR)

        assert await id_of(provider) == "id"
        assert provider.expiry is None
        assert len(service.fetched) == 1


async def test_clock_that_is_set_forward_is_noticed_by_the_next_call():
    async with kept() as (_, provider, clock):
        await provider.get()
        clock.set_forward = 2 * HOUR

        assert await id_of(provider) == "id-2"


async def test_clock_that_is_set_forward_is_noticed_without_a_call_within_a_minute():
    async with kept() as (service, provider, clock):
        await provider.get()
        clock.set_forward = HOUR - 600
        await clock.advance(60)

        assert len(service.fetched) == 2


async def test_refused_token_is_renewed_unless_it_is_young():
    async with kept() as (service, provider, clock):
        first = await provider.get()
        assert await provider.renewed(first) == first
        assert len(service.fetched) == 1
        await clock.advance(31)

        second = await provider.renewed(first)
        assert second.access_key_id == "id-2"
        assert await provider.renewed(first) == second
        assert await provider.renewed(second) == second
        assert len(service.fetched) == 2


async def test_callers_that_are_refused_at_the_same_time_share_one_renewal():
    async with kept() as (service, provider, clock):
        first = await provider.get()
        await clock.advance(31)
        service.gate = asyncio.Event()
        callers = [asyncio.create_task(provider.renewed(first)) for _ in range(5)]
        await settle()
        service.gate.set()

        assert {each.access_key_id for each in await asyncio.gather(*callers)} == {"id-2"}
        assert len(service.fetched) == 2


async def test_refused_token_that_the_service_gives_again_is_not_asked_for_with_each_call():
    async with kept() as (service, provider, clock):
        service.again = credentials(1, clock.now() + HOUR)
        first = await provider.get()
        await clock.advance(31)
        for _ in range(10):
            assert await provider.renewed(first) == first

        assert len(service.fetched) == 2


async def test_refused_token_that_cannot_be_renewed_is_told_as_the_same():
    async with kept() as (service, provider, clock):
        first = await provider.get()
        await clock.advance(31)
        service.error = UNAVAILABLE

        assert await provider.renewed(first) == first
        assert await provider.renewed(first) == first
        assert len(service.fetched) == 2


async def test_error_of_our_own_reaches_who_waits_and_the_log_and_is_left_alone_for_a_while(told):
    async with kept() as (service, provider, clock):
        service.error = ZeroDivisionError("ours")
        with pytest.raises(ZeroDivisionError):
            await provider.get()
        assert "its log has it" in (await failing(provider)).message
        assert len(service.fetched) == 1
        service.error = None
        await clock.advance(60)

        assert await id_of(provider) == "id-2"
    assert any(line["event"] == "bug" and "ours" in str(line["exc_info"]) for line in told)


async def test_renewal_that_an_error_of_our_own_ended_goes_on_with_the_next_call(told):
    async with kept() as (service, provider, clock):
        await provider.get()
        service.error = ZeroDivisionError("ours")
        await clock.advance(HOUR - 899)
        assert len(service.fetched) == 2
        service.error = None
        assert await id_of(provider) == "id-1"
        await clock.advance(61)

        assert await id_of(provider) == "id-3"


async def test_end_of_the_account_ends_a_refresh_under_way():
    async with kept() as (service, provider, _):
        service.gate = asyncio.Event()
        caller = asyncio.create_task(provider.get())
        await settle()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_credentials_show_no_secret():
    async with kept() as (_, provider, _clock):
        shown = repr(await provider.get())

        assert "s3cr3t" not in shown
        assert "t0ken" not in shown
