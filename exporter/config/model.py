"""The configuration as frozen values; design of each key in docs/configuration.md.

A vendor's own keys are a struct of the vendor's (``Account.options``): nothing here names a vendor.
"""

import re
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from exporter.config.ranges import Range, check_ranges
from exporter.domain import Tier
from exporter.secret import Secret

COLLECTORS: Final = ("progress", "schedule", "settings", "agents", "concurrency")
"""What ``collect`` may name."""

_DAY: Final = 86400


class Duration(float):
    """Seconds, written in the file as Prometheus writes durations (``30s``, ``1h30m``, ``7d``)."""

    __slots__ = ()


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often each tier, and each detail, is read."""

    active: Duration = Duration(60)
    idle: Duration = Duration(300)
    finished: Duration = Duration(3600)
    detail: Duration = Duration(43200)

    RANGES: ClassVar[dict[str, Range]] = {
        "active": Range(0.1, 30 * _DAY, duration=True),
        "idle": Range(0.1, 30 * _DAY, duration=True),
        "finished": Range(0.1, 30 * _DAY, duration=True),
        "detail": Range(0.1, 30 * _DAY, duration=True),
    }

    @property
    def tiers(self) -> dict[Tier, float]:
        """How often each tier is read, in seconds."""
        return {
            Tier.ACTIVE: float(self.active),
            Tier.IDLE: float(self.idle),
            Tier.FINISHED: float(self.finished),
        }

    def __post_init__(self) -> None:
        """Raise ``FieldError`` for a value out of its range."""
        check_ranges(self, self.RANGES)


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the exporter allows itself to ask of one account."""

    requests_per_second: float = 5.0
    burst: int = 10
    requests_per_hour: int = 10000
    concurrency: int = 4

    RANGES: ClassVar[dict[str, Range]] = {
        "requests_per_second": Range(0.001, 1000),
        "burst": Range(1, 10_000),
        "requests_per_hour": Range(1, 10_000_000),
        "concurrency": Range(1, 100),
    }

    def __post_init__(self) -> None:
        """Raise ``FieldError`` for a value out of its range."""
        check_ranges(self, self.RANGES)


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tasks are exposed; ``include`` and ``exclude`` match the whole name."""

    include: str = ".*"
    exclude: str = ""
    finished_within: Duration = Duration(7 * 86400)
    idle_within: Duration = Duration(90 * 86400)
    created_within: Duration = Duration(180 * 86400)
    limit: int = 10000

    RANGES: ClassVar[dict[str, Range]] = {
        "finished_within": Range(60, 100 * 365 * _DAY, duration=True),
        "idle_within": Range(60, 100 * 365 * _DAY, duration=True),
        "created_within": Range(60, 100 * 365 * _DAY, duration=True),
        "limit": Range(1, 1_000_000),
    }

    def __post_init__(self) -> None:
        """Raise ``FieldError`` for a value out of its range."""
        check_ranges(self, self.RANGES)


class TlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TLS towards the vendor; an empty string is not set."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False

    @property
    def files(self) -> dict[str, str]:
        """The files that are set, by their key."""
        named = {"ca_file": self.ca_file, "cert_file": self.cert_file, "key_file": self.key_file}
        return {key: name for key, name in named.items() if name}


class Common(msgspec.Struct, frozen=True):
    """The keys that every account has, whatever its vendor."""

    name: str
    platform: str
    timeout: Duration = Duration(10)
    stale_after: Duration = Duration(600)
    refresh: Refresh = Refresh()
    budget: Budget = Budget()
    tasks: Selection = Selection()
    collect: tuple[str, ...] = ("progress", "schedule", "settings")
    timezone: str = "Asia/Shanghai"
    proxy_url: Secret | None = None
    proxy_from_environment: bool = False
    tls_config: TlsConfig = TlsConfig()

    RANGES: ClassVar[dict[str, Range]] = {
        "timeout": Range(0.05, 300, duration=True),
        "stale_after": Range(0, 30 * _DAY, duration=True),
    }

    def __post_init__(self) -> None:
        """Raise ``FieldError`` for a value out of its range."""
        check_ranges(self, self.RANGES)


class Account(msgspec.Struct, frozen=True):
    """One configured account.

    ``options`` is the vendor's own struct, ``path`` the account's key path in the file, such as
    ``accounts[0]``, for errors that show only at run time. ``inherited`` holds the keys whose value
    came from ``defaults``, such as ``page_size`` or ``tls_config.ca_file``.
    """

    common: Common
    options: msgspec.Struct
    path: str
    inherited: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The label value ``account``."""
        return self.common.name

    @property
    def platform(self) -> str:
        """The label value ``platform``."""
        return self.common.platform

    def where(self, key: str) -> str:
        """Path at which a key of this account is written: its own, or that in ``defaults``."""
        return written_at(key, path=self.path, inherited=self.inherited)


def written_at(key: str, *, path: str, inherited: frozenset[str]) -> str:
    """Path of ``key`` below ``defaults`` if it or what holds it was inherited, else ``path``."""
    parts = re.split(r"(?=[.\[])", key)
    prefixes = {"".join(parts[: count + 1]) for count in range(len(parts))}
    top = path if inherited.isdisjoint(prefixes) else "defaults"
    return f"{top}.{key}" if key else top


class Config(msgspec.Struct, frozen=True):
    """The whole configuration and the file it came from.

    ``secrets_as_text`` has the paths of the keys whose secrets stand in that file,
    ``files_of_environment`` the files with secrets that the environment names for the accounts.
    """

    accounts: tuple[Account, ...]
    file: Path
    secrets_as_text: tuple[str, ...] = ()
    files_of_environment: tuple[str, ...] = ()
