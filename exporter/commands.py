"""What each command does once its flags are read: all that ``cli`` need not load to read them."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from exporter import logs
from exporter.app import Settings, check, part_of, serve, warn_of_secrets
from exporter.config.checks import check_files
from exporter.config.loader import load, parse
from exporter.config.model import Config
from exporter.errors import ConfigError
from exporter.estimate import report
from exporter.exposition import masked
from exporter.reloading import Load
from exporter.sharding import Shard
from exporter.signals import ended_by
from exporter.sources import SOURCES
from exporter.supervisor import Supervisor
from exporter.web import (
    ListenAddress,
    Place,
    check_telemetry_path,
    parse_listen_address,
    place_of,
)

if TYPE_CHECKING:
    from exporter.webconfig.model import WebConfig

_DEFAULT_ADDRESS: Final = ":9877"
_DEMO_ADDRESS: Final = "127.0.0.1:9877"
_DEMO_REFRESH: Final = {"active": "2s", "idle": "5s", "finished": "15s", "detail": "5m"}
_DEMO_BUDGET: Final = {"requests_per_second": 50, "burst": 50, "requests_per_hour": 100000}


def execute(flags: argparse.Namespace) -> None:
    """Run the command until it is done.

    Raises:
        ConfigError: Configuration or start-up is wrong.
    """
    logs.configure(level=flags.log_level, style=flags.log_format)
    commands: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, None]]] = {
        "serve": _check if flags.config_check else _serve,
        "demo": _demo,
        "simulate": _simulate,
    }
    asyncio.run(commands[flags.command](flags))


def told(error: ConfigError) -> str:
    """An error as the one line that a person reads."""
    return masked(" ".join(str(error).splitlines()))


async def _serve(flags: argparse.Namespace) -> None:
    # First of all: what is told to stop while it starts stops too, even as process 1.
    with _stopped_by_signal() as stop, _set_by_hang_up() as hang_up:
        config = await _first_load(flags.config_file)
        if stop.is_set():
            return
        _tell_shard(config, _shard(flags))
        settings = _settings(flags, load=partial(_load, flags.config_file))
        await serve(config, settings, stop, hang_up=hang_up)


async def _check(flags: argparse.Namespace) -> None:
    _check_flags(flags)
    whole, shard = await _first_load(flags.config_file), _shard(flags)
    config = part_of(whole, shard)
    await asyncio.to_thread(check_files, config)
    try:
        await check(config)
    except ConfigError as error:
        error.file = config.file
        raise
    mine = f", {len(config.accounts)} of them in shard {shard}" if shard.total > 1 else ""
    web = await asyncio.to_thread(_checked_web, flags)
    await warn_of_secrets(config, web)
    _say(f"{config.file}: ok, {len(whole.accounts)} account(s){mine}")
    if web is not None:
        kept = sorted(web.protections) or ["plain HTTP for anybody"]
        _say(f"{web.file}: ok, {', '.join(kept)}")
    if flags.mix is not None:
        _say(f"\n{report(config.accounts, SOURCES, flags.mix)}")


def _check_flags(flags: argparse.Namespace) -> None:
    """Check, without a port being opened, what the types of the flags do not say."""
    _addresses(flags)
    check_telemetry_path(flags.telemetry_path)
    _place(flags)


def _checked_web(flags: argparse.Namespace) -> "WebConfig | None":
    if flags.web_config_file is None:
        return None
    # Loads what only who serves with TLS or to users alone needs.
    from exporter.webconfig.live import check_web_config  # noqa: PLC0415

    return check_web_config(flags.web_config_file)


async def _demo(flags: argparse.Namespace) -> None:
    # Only the demo and the simulator need it; an exporter in production never loads it.
    from exporter.simulator import Simulator, SimulatorOptions  # noqa: PLC0415

    options = SimulatorOptions(
        # Temporary ones, so that everything there is to see is seen.
        credentials="credentials_uri",
        tasks=flags.tasks,
        seed=flags.seed,
        speed=flags.speed,
    )
    with _stopped_by_signal() as stop:
        async with Simulator(options) as simulator:
            text = simulator.config_text(refresh=_DEMO_REFRESH, budget=_DEMO_BUDGET)
            config = await asyncio.to_thread(
                parse, text, file=Path("demo.yaml"), options=_OPTIONS, environ={}
            )
            _tell_shard(config, _shard(flags))
            await serve(config, _settings(flags), stop, announce=_announce_demo)


async def _simulate(flags: argparse.Namespace) -> None:
    from exporter.simulator import SimulatorOptions  # noqa: PLC0415
    from exporter.simulator.serve import serve as simulate  # noqa: PLC0415

    try:
        options = SimulatorOptions(
            tasks=flags.tasks,
            seed=flags.seed,
            speed=flags.speed,
            dezhu_listen=flags.dezhu_listen,
            aliyun_listen=flags.aliyun_listen,
            control_listen=flags.control_listen,
        )
        with _stopped_by_signal() as stop:
            await simulate(
                options,
                stop=stop,
                say=_say,
                config_out=flags.config_out,
                scenario=flags.scenario,
            )
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"{error.filename}: {why}" if error.filename else why) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


_OPTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    name: kind.options for name, kind in SOURCES.items()
}


async def _load(file: Path) -> Config:
    return await asyncio.to_thread(load, file, options=_OPTIONS, environ=os.environ)


async def _first_load(file: Path) -> Config:
    """What is not there at the first time was perhaps never named."""
    try:
        return await _load(file)
    except ConfigError as error:
        if error.path or not isinstance(error.__context__, FileNotFoundError):
            raise
        hint = "name one with --config.file, or try outbound-exporter demo"
        raise ConfigError(f"{error.message}; {hint}", file=error.file) from error


def _addresses(flags: argparse.Namespace) -> list[ListenAddress]:
    default = _DEMO_ADDRESS if flags.command == "demo" else _DEFAULT_ADDRESS
    return [parse_listen_address(text) for text in flags.listen or [default]]


def _settings(flags: argparse.Namespace, load: Load | None = None) -> Settings:
    return Settings(
        addresses=_addresses(flags),
        telemetry_path=flags.telemetry_path,
        place=_place(flags),
        web_config=flags.web_config_file,
        open_health=flags.open_health,
        max_requests=flags.max_requests,
        enable_lifecycle=flags.enable_lifecycle,
        load=load,
        shard=_shard(flags),
        supervisor=Supervisor.of(os.environ),
    )


def _place(flags: argparse.Namespace) -> Place:
    return place_of(external_url=flags.external_url, route_prefix=flags.route_prefix)


def _shard(flags: argparse.Namespace) -> Shard:
    return Shard(number=flags.shard, total=flags.total_shards)


def _tell_shard(config: Config, shard: Shard) -> None:
    if shard.total == 1:
        return
    log = structlog.get_logger()
    mine = len(part_of(config, shard).accounts)
    facts = {"shard": shard.number, "total_shards": shard.total}
    facts |= {"accounts": mine, "accounts_of_all_shards": len(config.accounts)}
    if mine:
        log.info("polling the accounts of one shard", **facts)
    else:
        log.warning(
            "no account belongs to this shard: it polls nothing; other names of accounts or fewer"
            " shards change that",
            **facts,
        )


def _announce_demo(urls: Sequence[str], path: str) -> None:
    for url in urls:
        _say(f"page     {url}/")
        _say(f"metrics  {url}{path}")
    _say("Campaigns of both vendors are simulated on loopback. Ctrl-C ends the demo.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _stopped_by_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set.

    Handlers of the loop would go with the loop, and a second signal would kill then.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with ended_by(partial(loop.call_soon_threadsafe, stop.set)):
        yield stop


@contextmanager
def _set_by_hang_up() -> Iterator[asyncio.Event]:
    """An event that SIGHUP sets; afterwards it is ignored, so that at no time it ends the process.

    A handler of the loop would go with the loop, and what comes after would kill.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(asked.set)

    signal.signal(signal.SIGHUP, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
