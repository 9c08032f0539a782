"""Flags to exit code: 0 done, 1 configuration or start-up error, 2 usage."""

import argparse
import gc
import platform
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from exporter import __version__, signals
from exporter.errors import ConfigError
from exporter.flags import above_zero, add_estimate_flags, from_zero, mix_of, positive

_FLAG: Final = re.compile(r"(?<!\S)--[a-z][a-z.-]*")
# A scrape changes threads a few times, and each change may wait that long for the interpreter while
# a poll is rendered; Python's own 5 ms would be most of what a scrape takes then.
_SWITCH_SECONDS: Final = 0.0001
_WEB_FLAGS: Final[Mapping[str, dict[str, Any]]] = {
    "listen-address": {
        "dest": "listen",
        "action": "append",
        "default": None,
        "metavar": "ADDRESS",
        "help": "host:port, [v6]:port or :port; may stand several times; port 0 picks one (default"
        " {usual})",
    },
    "telemetry-path": {
        "dest": "telemetry_path",
        "default": "/metrics",
        "metavar": "PATH",
        "help": "path of the metrics (default /metrics)",
    },
    "config.file": {
        "dest": "web_config_file",
        "type": Path,
        "default": None,
        "metavar": "FILE",
        "help": "TLS, users, headers and rate limit, in the format of exporter-toolkit",
    },
    "health-without-auth": {
        "dest": "open_health",
        "action": "store_true",
        "default": False,
        "help": "let probes ask for /-/healthy and /-/ready without a user of --web.config.file",
    },
    "external-url": {
        "dest": "external_url",
        "default": None,
        "metavar": "URL",
        "help": "where clients see the exporter, such as behind a reverse proxy",
    },
    "route-prefix": {
        "dest": "route_prefix",
        "default": None,
        "metavar": "PATH",
        "help": "stands before every path; the path of --web.external-url if not given",
    },
    "max-requests": {
        "dest": "max_requests",
        "type": positive,
        "default": 40,
        "metavar": "N",
        "help": "scrapes at once; one more is answered 503 (default 40)",
    },
    "enable-lifecycle": {
        "dest": "enable_lifecycle",
        "action": "store_true",
        "default": False,
        "help": "let clients reload the configuration with POST /-/reload; SIGHUP always does",
    },
}
# Those of exporter.logs, which would load structlog.
_LOG_FLAGS: Final = {
    "level": (("debug", "info", "warn", "error"), "info"),
    "format": (("logfmt", "json"), "logfmt"),
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    flags = _parsed(arguments)
    if flags.command != "serve" or not flags.config_check:
        # A check that is ended half way has found nothing to be well.
        signals.end_when_told()
    if flags.command == "serve" and not flags.config_check:
        # It reloads what runs; until then it must not kill.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Imports make no garbage, so that looking for it among them is a tenth of their time.
    gc.disable()
    # Help, the version and wrong usage are told without any of it.
    from exporter import allocator, commands  # noqa: PLC0415

    allocator.use_sparingly()
    _spare_the_collector()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        commands.execute(flags)
    except ConfigError as error:
        line = commands.told(error)
        sys.stderr.write(f"outbound-exporter: {line}\n")
        return 1
    return 0


def _spare_the_collector() -> None:
    """Keep pauses of the garbage collector short, and let it begin.

    What the imports made lives as long as the process, and looking at it again and again is most of
    a full collection: frozen, it is never looked at. Full collections are also made rarer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    try:
        flags = parser.parse_args(arguments)
        flags.mix = mix_of(flags)
    except ValueError as error:
        parser.error(str(error))
    except argparse.ArgumentError as error:
        # The value of a flag that does not exist looks like a command: name the flag instead.
        known = set(_FLAG.findall(parser.format_help()))
        unknown = [flag for text in arguments for flag in _FLAG.findall(text) if flag not in known]
        if unknown and "COMMAND" in str(error):
            parser.error(f"there is no flag {unknown[0]} in this version; see --help")
        parser.error(str(error))
    if flags.shard >= flags.total_shards:
        parser.error(
            f"argument --shard: expected a number below {flags.total_shards} (--total-shards),"
            f" for shards count from 0; got {flags.shard}"
        )
    return flags


class _CommandParser(argparse.ArgumentParser):
    """Tells an unknown flag itself; the parser above it would show its own usage instead."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="outbound-exporter",
        description="Prometheus exporter for outbound-call campaigns.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    _add_config_flags(parser)
    _add_shard_flags(parser)
    _add_web_flags(parser)
    _add_log_flags(parser)
    parser.set_defaults(command="serve")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=_CommandParser
    )
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
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="the configuration (default config.yaml)",
    )
    parser.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="check the configuration without a call to any vendor, and exit",
    )
    add_estimate_flags(parser)


def _add_shard_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shard",
        type=from_zero,
        default=0,
        metavar="N",
        help="which of the processes that share the accounts this one is, from 0 on (default 0)",
    )
    parser.add_argument(
        "--total-shards",
        type=positive,
        default=1,
        metavar="M",
        help="how many processes share the accounts; the same for each of them (default 1)",
    )


def _add_web_flags(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """With ``again`` a flag that is not given leaves what stood before the command as it is."""
    usual = "127.0.0.1:9877" if again else ":9877"
    for name, settings in _WEB_FLAGS.items():
        own = settings | {"help": settings["help"].format(usual=usual)}
        parser.add_argument(
            f"--web.{name}", **(own | {"default": argparse.SUPPRESS} if again else own)
        )


def _add_log_flags(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    for name, (choices, usual) in _LOG_FLAGS.items():
        default = argparse.SUPPRESS if again else usual
        where = "; to standard error" if name == "format" else ""
        parser.add_argument(
            f"--log.{name}",
            dest=f"log_{name}",
            choices=choices,
            default=default,
            help=f"{name} of the log{where} (default {usual})",
        )


def _add_world_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tasks", type=positive, default=40, help="campaigns of each vendor (default 40)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed repeats the same run (default 1)"
    )
    parser.add_argument(
        "--speed", type=above_zero, default=1.0, help="how fast customers are dialled (default 1)"
    )


def _add_simulator_flags(parser: argparse.ArgumentParser) -> None:
    for name in ("dezhu", "aliyun"):
        parser.add_argument(
            f"--{name}-listen",
            default="127.0.0.1:0",
            metavar="ADDRESS",
            help="host:port (default 127.0.0.1:0)",
        )
    parser.add_argument("--control-listen", metavar="ADDRESS", help="loopback host:port")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="applied at the start")
    parser.add_argument(
        "--config-out",
        type=Path,
        metavar="FILE",
        help="write an exporter configuration, keys included",
    )
