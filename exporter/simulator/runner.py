"""The simulator as a whole: servers, world, faults and control under one roof."""

import asyncio
import contextlib
import ipaddress
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from exporter.simulator.accounts import Access, Account, AliyunAccount, Directory, make_directory
from exporter.simulator.aliyun import AliyunServer
from exporter.simulator.answers import Visit
from exporter.simulator.campaign import Vendor
from exporter.simulator.certificates import make_papers
from exporter.simulator.configuration import config_text
from exporter.simulator.control import AccessChange, Control, CredentialChange
from exporter.simulator.credential_services import CredentialServer
from exporter.simulator.desk import Desk
from exporter.simulator.dezhu import DezhuServer
from exporter.simulator.doors import Door, Doors
from exporter.simulator.faults import FaultBook
from exporter.simulator.gateway import Gateway
from exporter.simulator.issuing import Issuer
from exporter.simulator.journal import RequestLog
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.scenario import apply_scenario, read_scenario
from exporter.simulator.world import World

_TICK_SECONDS: Final = 1.0
_SHUTDOWN_SECONDS: Final = 0.2
_DOOR_HOST: Final = "127.0.0.1"
_CREDENTIALS_LISTEN: Final = "127.0.0.1:0"


class Simulator:
    """Both vendors on loopback; an async context manager that listens while it is open.

    Attributes:
        dezhu_url: Base URL of the Dezhu server.
        aliyun_url: Endpoint of the Alibaba server.
        control_url: Of the control port; empty without one.
        credentials_url: Of STS, the metadata service and the credentials URI.
        faults: What goes wrong.
        requests: What was received.
        access: What the accounts may do.
        world: The campaigns.
        issuer: Hands out temporary credentials.

    Args:
        options: Settings; the defaults make a small lively demo.
    """

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.options = options or SimulatorOptions()
        self.dezhu_url = self.aliyun_url = self.control_url = self.credentials_url = ""
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.access = Access()
        self.world: World
        self.issuer: Issuer
        self._directory: Directory
        self._doors: Doors | None = None
        self._ca_file = ""
        self._stack = contextlib.AsyncExitStack()

    @property
    def accounts(self) -> list[Account]:
        """All accounts with their credentials, Dezhu first."""
        return list(self._directory)

    async def __aenter__(self) -> Self:
        """Make keys and campaigns off the loop, then listen.

        Raises:
            ValueError: A listen address is not understood, or the control port not on loopback.
            OSError: An address cannot be bound.
        """
        options = self.options
        control = None if options.control_listen is None else split_address(options.control_listen)
        if control is not None and not _is_loopback(control[0]):
            raise ValueError(f"control_listen must be a loopback address: {control[0]}")
        self._directory = await asyncio.to_thread(make_directory, options)
        self.world = await asyncio.to_thread(World, options, self._directory.places())
        self.issuer = Issuer(options.clock, self._directory, options.credential_lifetime)
        desk = Desk(
            options=options,
            directory=self._directory,
            access=self.access,
            world=self.world,
            faults=self.faults,
            requests=self.requests,
            issuer=self.issuer,
        )
        async with contextlib.AsyncExitStack() as stack:
            await self._open_vendors(stack, desk)
            if control is not None:
                application = Control(self).application()
                _, self.control_url = await _listen(stack, application, *control)
            if options.automatic:
                ticker = asyncio.create_task(self._tick(), name="simulator ticker")
                stack.push_async_callback(_stop, ticker)
            # Whoever hangs by a fault is let go first, so that the servers can close.
            stack.callback(self.faults.clear)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        await self._stack.aclose()

    async def _open_vendors(self, stack: contextlib.AsyncExitStack, desk: Desk) -> None:
        gateway, options = Gateway(self.access, self.issuer), self.options

        async def listen(application: web.Application, address: str) -> tuple[web.AppRunner, str]:
            return await _listen(stack, application, *split_address(address))

        dezhu, self.dezhu_url = await listen(DezhuServer(desk).application(), options.dezhu_listen)
        aliyun, self.aliyun_url = await listen(
            AliyunServer(desk, gateway).application(), options.aliyun_listen
        )
        _, self.credentials_url = await listen(
            CredentialServer(desk, gateway).application(), _CREDENTIALS_LISTEN
        )
        if options.doors:
            await self._open_doors(stack, {"dezhu": dezhu, "aliyun": aliyun})

    async def _open_doors(
        self, stack: contextlib.AsyncExitStack, runners: Mapping[Vendor, web.AppRunner]
    ) -> None:
        papers = await asyncio.to_thread(make_papers, _DOOR_HOST)
        folder = await asyncio.to_thread(tempfile.mkdtemp)
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, folder)
        file = Path(folder) / "ca.pem"
        await asyncio.to_thread(file.write_bytes, papers.ca_pem)
        self._ca_file = str(file)
        doors: list[Door] = []
        for name, kind in self.options.doors.items():
            vendor = self._directory[name].platform
            visit = Visit(vendor=vendor, account=name)
            door = Door(visit, kind, host=_DOOR_HOST, runner=runners[vendor], papers=papers)
            stack.push_async_callback(door.close)
            await door.open()
            doors.append(door)
        self._doors = Doors(doors, self.faults)
        stack.callback(self._doors.leave)

    def lookup(self, host: str) -> str:
        """Return the IP address of a name, as a resolver of the named doors does.

        Raises:
            OSError: It has none, or not now.
        """
        if self._doors is None:
            raise OSError(f"no account has a door: {host}")
        return self._doors.lookup(host)

    async def apply(self, scenario: Any) -> None:
        """Apply a scenario: a path, YAML text, Python values, or a ``Scenario``.

        Raises:
            ScenarioError: It is not of the agreed form.
            OSError: The file cannot be read.
        """
        if isinstance(scenario, Path):
            scenario = await asyncio.to_thread(scenario.read_text, encoding="utf-8")
        apply_scenario(read_scenario(scenario), self.world, self.faults)

    def change_access(self, change: AccessChange) -> None:
        """Change what an account may do.

        Raises:
            KeyError: There is no such account.
        """
        name = self._directory[change.account].name
        self.access.denied |= {(name, action) for action in change.deny}
        self.access.denied -= {(name, action) for action in change.allow}
        if change.public_key is not None:
            _put(self.access.keyless, name, present=not change.public_key)
        if change.token_expired is not None:
            _put(self.access.expired, name, present=change.token_expired)

    def change_credentials(self, change: CredentialChange) -> None:
        """Change what temporary credentials are handed out from now on."""
        if change.lifetime is not None:
            self.issuer.lifetime = change.lifetime
        if change.renewing is not None:
            self.issuer.renewing = change.renewing

    def config_text(
        self,
        *,
        refresh: Mapping[str, str] | None = None,
        budget: Mapping[str, float] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a complete exporter configuration as YAML, keys included.

        Args:
            refresh: Intervals by tier, such as ``{"active": "2s"}``; the exporter's own if None.
            budget: Call budget of each account; the exporter's own if None.
            defaults: Further keys of ``defaults``, over everything else.
        """
        return config_text(
            self.accounts,
            dezhu_url=self.dezhu_url,
            aliyun_url=self.aliyun_url,
            credentials_url=self.credentials_url,
            credentials=self.options.credentials,
            dezhu_page_parameter=self.options.dezhu_page_parameter,
            doors=self._doors.urls() if self._doors is not None else None,
            ca_file=self._ca_file,
            refresh=refresh,
            budget=budget,
            defaults=defaults,
        )

    def instances(self, account: str) -> tuple[str, ...]:
        """Return the instance ids of an Alibaba account; none for a Dezhu one.

        Raises:
            KeyError: There is no such account.
        """
        found = self._directory[account]
        if not isinstance(found, AliyunAccount):
            return ()
        return tuple(instance.instance_id for instance in found.instances)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.world.catch_up()


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[v6]:port``.

    Raises:
        ValueError: It is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"expected host:port, got {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _put(names: set[str], name: str, *, present: bool) -> None:
    if present:
        names.add(name)
    else:
        names.discard(name)


async def _listen(
    stack: contextlib.AsyncExitStack, application: web.Application, host: str, port: int
) -> tuple[web.AppRunner, str]:
    # Cancelled handlers: a request that hangs ends with its connection.
    runner = web.AppRunner(
        application,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
