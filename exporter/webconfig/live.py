"""The web configuration in force, kept in line with its files while the exporter runs.

What a look saw takes effect once the next look, a moment later, saw the same: a file caught half
written never does. A web configuration of no use puts nothing in force, so that each request is
refused; a certificate and a key that do not fit (yet) leave those before them in force. What only
this machine lacks, such as descriptors, changes nothing: the next look tries again.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from exporter.clock import Clock
from exporter.errors import ConfigError
from exporter.permissions import warn_of_open_files
from exporter.webconfig.contents import Look, look_at
from exporter.webconfig.context import tell_ignored, tls_context
from exporter.webconfig.model import WebConfig
from exporter.webconfig.passwords import Passwords

LOOK_SECONDS: Final = 2.0
"""Two looks after a change it is in force."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Tls:
    """How new connections are encrypted; ``allowed_sans`` is None when any client may come.

    ``pinned`` is equal for two of which the second lets in whom the first let in, and no others.
    """

    context: ssl.SSLContext
    allowed_sans: frozenset[str] | None
    pinned: object


Use = Callable[[Tls], Awaitable[None]]
"""Has new connections encrypted in another way."""


class Live:
    """What is in force of a web configuration.

    ``config`` is None while the file is of no use; ``tls`` is None for plain HTTP.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._seen = Look()
        self._tried = Look()
        self._used = Look()
        self._hindered = False
        self._needed: frozenset[str] = frozenset()
        self.config: WebConfig | None = None
        self.tls: Tls | None = None
        self.passwords = Passwords()

    async def open(self) -> None:
        """Read it for the first time.

        Raises:
            ConfigError: Something in it, or in a file that it names, is of no use.
        """
        look, self.tls = await asyncio.to_thread(_checked, self._file)
        self._seen = self._tried = self._used = look
        if look.config is not None:
            tell_ignored(look.config)
            self._put(look.config)

    async def watch(self, use: Use) -> None:
        """Look again and again, for ever."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            await self.look(use)

    async def look(self, use: Use) -> None:
        """Look once; what changed before the look before this one takes effect."""
        try:
            await self._look(use)
        except OSError as error:
            if not self._hindered:
                _log.error(
                    "the web configuration cannot be followed: what is in force stays, and it is"
                    " tried again and again",
                    error=error.strerror or error.__class__.__name__,
                )
            self._hindered = True
        else:
            if self._hindered:
                _log.info("the web configuration is followed again")
            self._hindered = False

    async def _look(self, use: Use) -> None:
        seen = self._seen
        self._seen = await asyncio.to_thread(look_at, self._file, seen)
        if self._seen != seen or seen == self._tried:
            return
        try:
            await self._take(seen, use)
        except ConfigError as error:
            self._refuse(str(error))
        self._tried = seen

    async def _take(self, look: Look, use: Use) -> None:
        config = look.config
        if config is None:
            raise look.broken or ConfigError("of no use", file=self._file)
        self._check_protections(config)
        broken = None
        if self.tls is not None and _part(look) != _part(self._used):
            used, tls, broken = await asyncio.to_thread(_renewed, look, self._used)
            await use(tls)
            self._used, self.tls = used, tls
        self._put(config)
        self._tell(look, config, broken)
        await asyncio.to_thread(warn_of_open_files, config.secret_files)

    def _tell(self, look: Look, config: WebConfig, broken: ConfigError | None) -> None:
        before, file = self._tried, str(self._file)
        if look.text != before.text:
            _log.info("web configuration read again", file=file, users=len(config.users))
        if broken is not None:
            _log.error("the certificate before stays in force", error=str(broken))
        elif (look.cert, look.key) != (before.cert, before.key):
            _log.info("certificate read again", file=file)
        if look.client_ca != before.client_ca:
            _log.info("authorities of clients read again", file=file)

    def _check_protections(self, config: WebConfig) -> None:
        lost = self._needed - config.protections
        if self.tls is None and config.tls.configured:
            lost |= {"TLS"}
        if lost:
            # An empty file is a valid one: a full disk must not open the door.
            raise ConfigError(
                f"{', '.join(sorted(lost))} cannot be turned on or off while running: restart the"
                " exporter, or take the change back",
                file=config.file,
            )

    def _put(self, config: WebConfig) -> None:
        self._needed = config.protections
        self.passwords = self.passwords.of(config.users)
        self.config = config

    def _refuse(self, message: str) -> None:
        self.config = None
        _log.error("web configuration of no use: every request is answered 500", error=message)


def check_web_config(file: Path) -> WebConfig:
    """Check offline all that a start would: the file and what it names. Blocking.

    Raises:
        ConfigError: Something is of no use.
    """
    return _checked(file)[0].config or WebConfig(file=file)


def _checked(file: Path) -> tuple[Look, Tls | None]:
    try:
        look = look_at(file, Look())
        context = tls_context(look)
    except OSError as error:
        why = error.strerror or error.__class__.__name__
        raise ConfigError(f"cannot be put in force: {why}", file=file) from error
    if look.config is None:
        raise look.broken or ConfigError("of no use", file=file)
    return look, None if context is None else _tls(look, look.config, context)


def _renewed(look: Look, used: Look) -> tuple[Look, Tls, ConfigError | None]:
    """What a look asks for, with the certificate of the one before where its own is of no use.

    The error says why it is; None: it is of use.
    """
    broken = None
    try:
        context = tls_context(look)
    except ConfigError as error:
        broken, look = error, replace(look, cert=used.cert, key=used.key)
        context = tls_context(look)
    if context is None or look.config is None:
        raise ConfigError("expected TLS to be configured")
    return look, _tls(look, look.config, context), broken


def _tls(look: Look, config: WebConfig, context: ssl.SSLContext) -> Tls:
    sans = config.tls.client_allowed_sans
    return Tls(
        context,
        allowed_sans=None if sans is None else frozenset(sans),
        pinned=(config.tls.client_auth_type, look.client_ca, sans),
    )


def _part(look: Look) -> tuple[object, ...]:
    """What of a look the TLS is made of."""
    tls = None if look.config is None else look.config.tls
    return tls, look.cert, look.key, look.client_ca
