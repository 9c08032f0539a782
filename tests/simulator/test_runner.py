import asyncio
import stat

import aiohttp
import pytest

from exporter.simulator import Simulator, SimulatorOptions
from exporter.simulator.runner import split_address
from exporter.simulator.serve import serve
from tests.simulator.client import FakeClock


async def test_a_request_moves_an_automatic_world_to_the_clock(clock, session):
    async with Simulator(SimulatorOptions(clock=clock)) as simulator:
        began = simulator.world.now
        clock.now += 30
        async with session.get(simulator.dezhu_url + "/speech/openapi/v1/task/outbound/page"):
            pass
        assert simulator.world.now == began + 30


async def test_an_automatic_world_moves_by_itself(clock, monkeypatch):
    monkeypatch.setattr("exporter.simulator.runner._TICK_SECONDS", 0.0)
    async with Simulator(SimulatorOptions(clock=clock)) as simulator:
        began = simulator.world.now
        clock.now += 30
        for _ in range(5):
            await asyncio.sleep(0)
        assert simulator.world.now == began + 30


async def test_closed_servers_no_longer_listen(clock):
    async with Simulator(SimulatorOptions(clock=clock)) as simulator:
        url = simulator.dezhu_url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_the_control_port_is_for_loopback_only():
    with pytest.raises(ValueError, match="loopback"):
        async with Simulator(SimulatorOptions(control_listen="0.0.0.0:0")):
            pass


async def test_there_may_be_no_control_port(clock):
    options = SimulatorOptions(clock=clock, control_listen=None, automatic=False)
    async with Simulator(options) as simulator:
        assert simulator.control_url == ""


async def test_an_address_in_use_is_an_error_and_leaves_nothing_open(clock):
    async with Simulator(SimulatorOptions(clock=clock)) as first:
        taken = first.aliyun_url.removeprefix("http://")
        with pytest.raises(OSError, match="address already in use"):
            async with Simulator(SimulatorOptions(clock=clock, aliyun_listen=taken)):
                pass


@pytest.mark.parametrize(
    ("text", "address"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0))]
)
def test_addresses_are_understood(text, address):
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["", "80", ":80", "host:", "host:x", "host:70000"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="expected host:port"):
        split_address(text)


async def test_serve_says_its_addresses_writes_the_configuration_and_ends(tmp_path):
    stop, said = asyncio.Event(), []
    path = tmp_path / "config.yaml"
    options = SimulatorOptions(clock=FakeClock(), tasks=8)

    def say(line):
        said.append(line)
        if "configuration" in line:
            stop.set()

    scenario = [{"at": 0, "task": "stuck-campaign", "do": "pause"}]
    await serve(options, stop=stop, say=say, config_out=path, scenario=scenario)

    assert [line.split(" ")[0] for line in said] == ["Dezhu", "Alibaba", "control", "exporter"]
    mode, text = await asyncio.to_thread(lambda: (path.stat().st_mode, path.read_text()))
    assert stat.S_IMODE(mode) == 0o600
    assert "base_url: http://127.0.0.1:" in text


async def test_demo_accounts_have_their_own_keys():
    options = SimulatorOptions(dezhu_accounts=2, aliyun_accounts=2, tasks=4, automatic=False)
    async with Simulator(options) as simulator:
        names = [account.name for account in simulator.accounts]
        dezhu = simulator.accounts[:2]

    assert names == ["dezhu-demo", "dezhu-demo-2", "aliyun-demo", "aliyun-demo-2"]
    assert dezhu[0].private_key != dezhu[1].private_key
