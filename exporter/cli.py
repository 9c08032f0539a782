"""Flags to exit code: 0 done, 1 configuration or start-up error, 2 usage."""

import argparse
import asyncio
import gc
import math
import os
import platform
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from exporter import __version__, logs
from exporter.app import Settings, check, serve
from exporter.config.checks import check_files
from exporter.config.loader import load, parse
from exporter.config.model import Config
from exporter.errors import ConfigError
from exporter.sources import SOURCES
from exporter.web import parse_listen_address

_FLAG: Final = re.compile(r"(?<!\S)--[a-z][a-z.-]*")
# A scrape changes threads a few times, and each change may wait that long for the interpreter while
# a poll is rendered; Python's own 5 ms would be most of what a scrape takes then.
_SWITCH_SECONDS: Final = 0.0005
_DEFAULT_ADDRESS: Final = ":9877"
_DEMO_ADDRESS: Final = "127.0.0.1:9877"
_DEMO_REFRESH: Final = {"active": "2s", "idle": "5s", "finished": "15s", "detail": "5m"}
_DEMO_BUDGET: Final = {"requests_per_second": 50, "burst": 50, "requests_per_hour": 100000}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    flags = _parsed(arguments)
    logs.configure(level=flags.log_level, style=flags.log_format)
    commands: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, None]]] = {
        "serve": _check if flags.config_check else _serve,
        "demo": _demo,
        "simulate": _simulate,
    }
    _spare_the_collector()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        asyncio.run(commands[flags.command](flags))
    except ConfigError as error:
        line = " ".join(str(error).splitlines())
        sys.stderr.write(f"outbound-exporter: {line}\n")
        return 1
    return 0


def _spare_the_collector() -> None:
    """Keep pauses of the garbage collector short.

    What the imports made lives as long as the process, and looking at it again and again is most of
    a full collection: frozen, it is never looked at. Full collections are also made rarer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _serve(flags: argparse.Namespace) -> None:
    # First of all: what is told to stop while it starts stops too, even as process 1.
    stop = _stopped_by_signal()
    config = await _load(flags.config_file)
    await serve(config, _settings(flags), stop)


async def _check(flags: argparse.Namespace) -> None:
    config = await _load(flags.config_file)
    await asyncio.to_thread(check_files, config)
    try:
        await check(config)
    except ConfigError as error:
        error.file = config.file
        raise
    sys.stdout.write(f"{config.file}: ok, {len(config.accounts)} account(s)\n")


async def _demo(flags: argparse.Namespace) -> None:
    # Only the demo and the simulator need it; an exporter in production never loads it.
    from exporter.simulator import Simulator, SimulatorOptions  # noqa: PLC0415

    stop = _stopped_by_signal()
    options = SimulatorOptions(tasks=flags.tasks, seed=flags.seed, speed=flags.speed)
    async with Simulator(options) as simulator:
        text = simulator.config_text(refresh=_DEMO_REFRESH, budget=_DEMO_BUDGET)
        config = await asyncio.to_thread(
            parse, text, file=Path("demo.yaml"), options=_OPTIONS, environ={}
        )
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
        await simulate(
            options,
            stop=_stopped_by_signal(),
            say=_say,
            config_out=flags.config_out,
            scenario=flags.scenario,
        )
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from error


_OPTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    name: kind.options for name, kind in SOURCES.items()
}


async def _load(file: Path) -> Config:
    return await asyncio.to_thread(load, file, options=_OPTIONS, environ=os.environ)


def _settings(flags: argparse.Namespace) -> Settings:
    default = _DEMO_ADDRESS if flags.command == "demo" else _DEFAULT_ADDRESS
    return Settings(
        addresses=[parse_listen_address(text) for text in flags.listen or [default]],
        telemetry_path=flags.telemetry_path,
        max_requests=flags.max_requests,
    )


def _announce_demo(urls: Sequence[str], path: str) -> None:
    for url in urls:
        _say(f"page     {url}/")
        _say(f"metrics  {url}{path}")
    _say("Campaigns of both vendors are simulated on loopback. Ctrl-C ends the demo.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    try:
        return parser.parse_args(arguments)
    except argparse.ArgumentError as error:
        # The value of a flag that does not exist looks like a command: name the flag instead.
        known = set(_FLAG.findall(parser.format_help()))
        unknown = [flag for text in arguments for flag in _FLAG.findall(text) if flag not in known]
        if unknown and "COMMAND" in str(error):
            parser.error(f"there is no flag {unknown[0]} in this version; see --help")
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="outbound-exporter",
        description="Prometheus exporter for outbound-call campaigns.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    _add_config_flags(parser)
    _add_web_flags(parser)
    _add_log_flags(parser)
    parser.set_defaults(command="serve")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    demo = commands.add_parser(
        "demo", help="both vendors simulated, and the exporter polling them", allow_abbrev=False
    )
    _add_world_flags(demo)
    _add_web_flags(demo, again=True)
    _add_log_flags(demo, again=True)
    demo.set_defaults(command="demo")
    simulate = commands.add_parser(
        "simulate", help="the simulated vendors alone", allow_abbrev=False
    )
    _add_world_flags(simulate)
    _add_simulator_flags(simulate)
    _add_log_flags(simulate, again=True)
    simulate.set_defaults(command="simulate")
    return parser


def _version() -> str:
    return f"outbound-exporter {__version__} (Python {platform.python_version()})"


def _add_config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file", dest="config_file", type=Path, default=Path("config.yaml"), metavar="FILE"
    )
    parser.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="check the configuration without a call to any vendor, and exit",
    )


def _add_web_flags(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """With ``again`` a flag that is not given leaves what stood before the command as it is."""

    def default(value: Any) -> Any:
        return argparse.SUPPRESS if again else value

    parser.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        default=default(None),
        metavar="ADDRESS",
        help="host:port, [v6]:port or :port, repeatable; port 0 picks one",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        default=default("/metrics"),
        metavar="PATH",
    )
    parser.add_argument(
        "--web.max-requests",
        dest="max_requests",
        type=_positive,
        default=default(40),
        metavar="N",
        help="scrapes at once; one more is answered 503",
    )


def _add_log_flags(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    for name, choices in (("level", logs.LEVELS), ("format", logs.FORMATS)):
        default = argparse.SUPPRESS if again else {"level": "info", "format": "logfmt"}[name]
        parser.add_argument(f"--log.{name}", dest=f"log_{name}", choices=choices, default=default)


def _add_world_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=_positive, default=40, help="campaigns of each vendor")
    parser.add_argument("--seed", type=int, default=1, help="the same seed repeats the same run")
    parser.add_argument(
        "--speed", type=_above_zero, default=1.0, help="how fast customers are dialled"
    )


def _add_simulator_flags(parser: argparse.ArgumentParser) -> None:
    for name in ("dezhu", "aliyun"):
        parser.add_argument(
            f"--{name}-listen", default="127.0.0.1:0", metavar="ADDRESS", help="host:port"
        )
    parser.add_argument("--control-listen", metavar="ADDRESS", help="loopback host:port")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="applied at the start")
    parser.add_argument(
        "--config-out",
        type=Path,
        metavar="FILE",
        help="write an exporter configuration, keys included",
    )


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number
