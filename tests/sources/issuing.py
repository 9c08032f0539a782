"""Providers of credentials that reach real servers, and what those servers say."""

from functools import partial
from itertools import count

import pytest

from exporter.background import Background
from exporter.errors import PollError
from exporter.secret import Secret
from exporter.session import open_session
from exporter.simulator import Simulator, SimulatorOptions
from exporter.sources.aliyun.credential_options import CredentialOptions, RoleOptions
from exporter.sources.aliyun.credentials.factory import Factory, Ways
from exporter.sources.aliyun.credentials.model import Tools
from exporter.sources.aliyun.options import AliyunOptions
from exporter.sources.aliyun.source import ALIYUN
from exporter.transport import Direct
from tests.fakes import FakeClock, no_random
from tests.sources.serving import Vendor, account_of, serving, transport_for

HOUR = 3600.0
BOTS = "aliyun-demo"
PATH = "accounts[0].credentials"
TIMES = {"automatic": False, "lively": False, "control_listen": None, "tasks": 0}


class Rig:
    """Makes providers that reach real servers; all of them end with ``stack``."""

    def __init__(self, stack, telemetry):
        self._stack = stack
        self.telemetry = telemetry
        self.clock = FakeClock()
        self.simulator = None
        self.transport = None

    async def simulated(self, **options):
        made = SimulatorOptions(clock=self.clock.now, dezhu_accounts=0, **TIMES, **options)
        self.simulator = await self._stack.enter_async_context(Simulator(made))
        return self.simulator.credentials_url

    async def served(self, *answers, by=None):
        vendor = Vendor(*answers, by=by)
        await self._stack.enter_async_context(serving(vendor))
        return vendor

    async def provider(self, options=None, environ=None, seconds=5.0, **keys):
        enter = self._stack.enter_async_context
        options = options or CredentialOptions(**keys)
        account = account_of(ALIYUN, AliyunOptions(credentials=options))
        transport = await enter(
            transport_for(ALIYUN, clock=self.clock, telemetry=self.telemetry, account=account)
        )
        nonces = count(1)
        self.transport = transport
        factory = Factory(
            options,
            path=PATH,
            tools=Tools(
                account="a",
                clock=self.clock,
                random=no_random,
                background=await enter(Background()),
                environ=environ or {},
            ),
            ways=Ways(
                sts=transport.elsewhere(),
                direct=Direct(partial(open_session, account, direct=True), timeout=seconds),
                nonce=lambda: f"nonce-{next(nonces)}",
            ),
        )
        return factory.provider()

    def operations(self):
        return [record.operation for record in self.simulator.requests]

    def issued(self):
        return self.simulator.issuer.issued()

    def permanent(self, role=None, **keys):
        (account,) = self.simulator.accounts
        return {
            "type": "access_key",
            "access_key_id": account.access_key_id,
            "access_key_secret": Secret(account.access_key_secret),
            "role": role and RoleOptions(role),
            **keys,
        }


def issued_keys(**change):
    keys = {
        "AccessKeyId": "STS.id",
        "AccessKeySecret": "s3cr3t",
        "SecurityToken": "t0ken",
        "Expiration": "2099-01-31T12:00:00Z",
    }
    return {key: value for key, value in (keys | change).items() if value is not ...}


def good(**change):
    return {"Code": "Success", **issued_keys(**change)}


async def error_of(provider):
    with pytest.raises(PollError) as caught:
        await provider.get()
    return caught.value
