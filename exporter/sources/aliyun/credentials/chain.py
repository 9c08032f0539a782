"""What ``default`` asks where the environment holds neither a key nor an OIDC role."""

from collections.abc import Sequence

import msgspec

from exporter.errors import ConfigError, PollError, Reason
from exporter.sources.aliyun.credentials.model import Credentials, CredentialService


class Link(msgspec.Struct, frozen=True):
    """One of the places; ``service`` None: it is not there, and ``why`` tells it."""

    name: str
    service: CredentialService | None
    why: str = ""


class FirstService:
    """The first place that gives credentials; from then on that one alone."""

    def __init__(self, links: Sequence[Link], *, path: str) -> None:
        """``path`` is the key path of ``credentials``."""
        self._links = links
        self._path = path
        self._chosen: CredentialService | None = None

    async def fetch(self) -> Credentials:
        """What the first place gives that gives anything.

        Raises:
            ConfigError: There is no such place.
            PollError: None of the places gives any now.
        """
        await self.check()
        if self._chosen is not None:
            return await self._chosen.fetch()
        failed: dict[str, PollError] = {}
        for link in self._links:
            if link.service is None:
                continue
            try:
                credentials = await link.service.fetch()
            except PollError as error:
                failed[link.name] = error
            else:
                self._chosen = link.service
                return credentials
        reasons = [error.reason for error in failed.values()]
        reason = Reason.UNAVAILABLE if Reason.UNAVAILABLE in reasons else reasons[0]
        raise PollError(reason, f"default found nothing: {self._told(failed)}")

    async def check(self) -> None:
        """Look, without a call, whether there is a place at all.

        Raises:
            ConfigError: There is none.
        """
        if all(link.service is None for link in self._links):
            raise ConfigError(f"default found nothing: {self._told({})}", path=self._path)

    def _told(self, failed: dict[str, PollError]) -> str:
        return ", ".join(
            f"{link.name} ({failed[link.name].message if link.name in failed else link.why})"
            for link in self._links
        )
