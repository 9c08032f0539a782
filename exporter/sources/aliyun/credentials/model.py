"""Credentials, and what is asked for them before every call."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from exporter.background import Background
from exporter.clock import Clock
from exporter.schedule import Random
from exporter.secret import Secret


class Credentials(msgspec.Struct, frozen=True):
    """An access key; ``security_token`` is None for one that is not temporary.

    ``expires_at`` in epoch seconds; None if it lasts, or if that is not known.
    """

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret | None = None
    expires_at: float | None = None


class CredentialProvider(Protocol):
    """Gives the credentials that are valid now."""

    @property
    def expiry(self) -> float | None:
        """When those given last expire, epoch seconds; None if they last or there were none yet."""
        ...

    async def get(self) -> Credentials:
        """The credentials.

        Raises:
            ConfigError: They are to be had only when a person mends something.
            PollError: They cannot be had now.
        """
        ...

    async def renewed(self, refused: Credentials) -> Credentials:
        """Others than those that the vendor refused; the same where there are no others.

        Raises:
            ConfigError: They are to be had only when a person mends something.
        """
        ...

    def follow(self, before: "CredentialProvider") -> None:
        """Go on with what the same configuration was given before a reload."""
        ...

    async def check(self) -> None:
        """Look, without a call, whether anything is missing.

        Raises:
            ConfigError: Something is.
        """
        ...


class CredentialService(Protocol):
    """Hands out temporary credentials."""

    async def fetch(self) -> Credentials:
        """New ones, or those that it gave before and holds for good still.

        Raises:
            ConfigError: A file that is needed is of no use.
            PollError: The service does not give any.
        """
        ...

    async def check(self) -> None:
        """Look, without a call, whether anything is missing.

        Raises:
            ConfigError: Something is.
        """
        ...


class Tools(msgspec.Struct, frozen=True):
    """What providers work with; ``account`` is its name, for the log."""

    account: str
    clock: Clock
    random: Random
    background: Background
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        # An environment holds secrets.
        return f"Tools({self.account!r})"
