"""Credentials of a service at any address, as ``ALIBABA_CLOUD_CREDENTIALS_URI`` names one."""

from typing import Final

from exporter.errors import PollError
from exporter.secret import Secret
from exporter.sources.aliyun.credentials.issued import read_success, unreachable
from exporter.sources.aliyun.credentials.model import Credentials
from exporter.transport import Direct, Request

URI: Final = "ALIBABA_CLOUD_CREDENTIALS_URI"
_WHOSE: Final = "the service of the credentials URI"


class UriService:
    """Asks one address; nothing of it is told in an error, for it may hold a secret."""

    def __init__(self, uri: Secret, *, direct: Direct) -> None:
        self._uri = uri
        self._direct = direct

    async def fetch(self) -> Credentials:
        """What the service gives now.

        Raises:
            PollError: It gives none.
        """
        request = Request(url=self._uri.reveal(), headers={"accept": "application/json"})
        try:
            reply = await self._direct.call(request)
        except PollError as error:
            raise unreachable(error, whose=_WHOSE) from None
        return read_success(reply, whose=_WHOSE)

    async def check(self) -> None:
        """Nothing: the address was checked with the configuration."""
