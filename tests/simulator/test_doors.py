"""An account may have an address of its own, at which connections fail."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
import yaml

from exporter.simulator import Fault
from tests.simulator.client import Dezhu

DOORS = {"dezhu-demo": "plain", "dezhu-demo-2": "tls", "dezhu-demo-3": "named"}


@pytest.fixture
def changes():
    return {"doors": DOORS, "dezhu_accounts": 4, "aliyun_accounts": 0, "tasks": 4}


class Table(aiohttp.abc.AbstractResolver):
    """Asks the simulator alone."""

    def __init__(self, simulator):
        self._simulator = simulator

    async def resolve(self, host, port=0, family=0):
        address = self._simulator.lookup(host)
        row = {"hostname": host, "host": address, "port": port}
        return [{**row, "family": family, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.fixture
async def visitor(simulator, clock):
    """Fetches a page of an account by the address that its configuration names."""
    written = yaml.safe_load(simulator.config_text())["accounts"]
    accounts = {account.name: account for account in simulator.accounts}
    files = [row["tls_config"]["ca_file"] for row in written if "tls_config" in row]
    pem = await asyncio.to_thread(Path(files[0]).read_text)
    context = await asyncio.to_thread(ssl.create_default_context, cadata=pem)
    connector = aiohttp.TCPConnector(
        resolver=Table(simulator), ssl=context, use_dns_cache=False, force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=0.3)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        session._retry_connection = False

        async def page(name):
            (row,) = (row for row in written if row["name"] == name)
            return (await Dezhu(session, row["base_url"], accounts[name], clock).page()).code

        yield page


async def test_every_account_is_served_at_the_address_that_its_configuration_names(visitor):
    for name in (*DOORS, "dezhu-demo-4"):
        assert await visitor(name) == "10000"


@pytest.mark.parametrize(
    ("account", "kind", "failure"),
    [
        ("dezhu-demo", "refused", (aiohttp.ClientConnectorError, "Connect call failed")),
        ("dezhu-demo", "unreachable", (TimeoutError, None)),
        ("dezhu-demo-2", "tls_untrusted", (aiohttp.ClientConnectorCertificateError, "issuer")),
        ("dezhu-demo-2", "tls_expired", (aiohttp.ClientConnectorCertificateError, "expired")),
        ("dezhu-demo-3", "unresolved", (aiohttp.ClientConnectorDNSError, "not known")),
    ],
)
async def test_connections_fail_as_long_as_the_fault_lasts_and_those_of_others_do_not(
    simulator, visitor, account, kind, failure
):
    error, words = failure
    assert await visitor(account) == "10000"
    for _ in range(2):
        identity = simulator.faults.set(Fault(kind=kind, account=account))
        with pytest.raises(error, match=words):
            await visitor(account)
        for other in {*DOORS, "dezhu-demo-4"} - {account}:
            assert await visitor(other) == "10000"
        simulator.faults.clear(identity)
        assert await visitor(account) == "10000"


async def test_a_fault_of_the_address_breaks_the_connections_that_are_open(simulator, visitor):
    simulator.faults.set(Fault(kind="hang", account="dezhu-demo"))
    waiting = asyncio.ensure_future(visitor("dezhu-demo"))
    while not simulator.requests.since(0):  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0)
    simulator.faults.set(Fault(kind="refused", account="dezhu-demo"))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await waiting


def test_a_fault_of_the_address_is_of_a_whole_account():
    with pytest.raises(ValueError, match="refused is of a whole account"):
        Fault(kind="refused", operation="page")


async def test_a_name_that_is_nobodys_has_no_address(simulator):
    with pytest.raises(OSError, match="not known"):
        simulator.lookup("dezhu-demo.vendor.test")
