"""Every error that the exporter raises on purpose.

    ExporterError
    +-- ConfigError      configuration or start-up is wrong: one line for a person, exit code 1
    +-- PollError        a call to a vendor did not give what was asked for; carries its reason
        +-- ScopeGone    the vendor says that this part of the account does not exist

Exceptions of other libraries are translated in exactly one place each: aiohttp's in
``exporter.transport``, msgspec's and PyYAML's in ``exporter.config`` and the sources' ``parse``.
"""

from enum import StrEnum
from pathlib import Path


class ExporterError(Exception):
    """Base of all errors raised on purpose."""

    def forget_origin(self) -> None:
        """Let go of where it was raised and why, for whoever keeps it.

        Its traceback holds everything that was under way there, such as an answer of 8 MiB.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None


class ConfigError(ExporterError):
    """Something in the configuration or at start-up that a person has to mend.

    Args:
        message: What is wrong and what was expected; never holds a secret.
        path: Key path such as ``accounts[0].refresh.active``; empty for the file as a whole.
        file: The configuration file; set by the loader.
    """

    def __init__(self, message: str, *, path: str = "", file: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.file = file

    def __str__(self) -> str:
        parts = [str(part) for part in (self.file, self.path) if part]
        return ": ".join([*parts, self.message])


class Reason(StrEnum):
    """Why a call or a reading failed; the label value ``reason``."""

    AUTH = "auth"
    CLOCK = "clock"
    PERMISSION = "permission"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    CONFIG = "config"
    BUG = "bug"


class PollError(ExporterError):
    """A call to a vendor failed.

    Args:
        reason: What the poller acts on.
        message: What happened and what to do next, for a person. Holds no secret, no response body
            and no free text of the vendor: it goes to logs and to the page.
        code: Label value from a closed list of the source, such as ``10001`` or ``http_502``.
        retry_after: Seconds that the vendor asked us to wait; None if it did not say.
    """

    def __init__(
        self, reason: Reason, message: str, *, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code or reason.value
        self.retry_after = retry_after
        self.operation = ""
        """The call that failed; set by the transport."""


class ScopeGone(PollError):  # noqa: N818 - named for what is told, like StopIteration
    """The vendor says that the scope asked for does not exist: its tasks are dropped."""
