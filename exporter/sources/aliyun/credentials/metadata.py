"""Credentials of the RAM role of an ECS instance, from its metadata service; IMDSv2 alone.

IMDSv1 answers whoever can make this machine send a GET; it is not asked, whatever v2 says.
"""

import re
from typing import Final

from exporter.errors import PollError, Reason
from exporter.reply import Reply, malformed
from exporter.sources.address import parse_address
from exporter.sources.aliyun.credential_options import is_plain
from exporter.sources.aliyun.credentials.issued import read_success, refused, unreachable
from exporter.sources.aliyun.credentials.model import Credentials
from exporter.transport import Direct, Request

METADATA_ENDPOINT: Final = "http://100.100.100.200"
ROLE_NAME: Final = "ALIBABA_CLOUD_ECS_METADATA"
DISABLED: Final = "ALIBABA_CLOUD_ECS_METADATA_DISABLED"
TIMEOUT_SECONDS: Final = 2.0
_TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105 - a path
_ROLES_PATH: Final = "/latest/meta-data/ram/security-credentials/"
_TOKEN_TTL_SECONDS: Final = 21600
_WHOSE: Final = "the ECS metadata service"
_NAME: Final = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_NO_ROLE: Final = "is a RAM role attached to this instance?"


class MetadataService:
    """Asks for a token, for the name of the role unless it is known, and for its credentials."""

    def __init__(self, endpoint: str, *, role_name: str, direct: Direct) -> None:
        """``role_name`` empty: asked for."""
        self._base = parse_address(endpoint).base
        self._role_name = role_name
        self._direct = direct

    async def fetch(self) -> Credentials:
        """What the service gives now.

        Raises:
            PollError: It gives none.
        """
        token = await self._token()
        name = self._role_name or await self._name(token)
        reply = await self._get(_ROLES_PATH + name, token)
        return read_success(reply, whose=_WHOSE)

    async def check(self) -> None:
        """Nothing: all of it was checked with the configuration."""

    async def _token(self) -> str:
        headers = {"X-aliyun-ecs-metadata-token-ttl-seconds": str(_TOKEN_TTL_SECONDS)}
        reply = await self._call(Request(self._base + _TOKEN_PATH, headers, method="PUT"))
        if reply.status != 200:
            raise refused(reply, whose=_WHOSE, advice="IMDSv2 is needed, IMDSv1 is not used")
        token = _line(reply)
        if not is_plain(token):
            raise malformed(f"{_WHOSE}: expected a token of one line")
        return token

    async def _name(self, token: str) -> str:
        reply = await self._get(_ROLES_PATH, token)
        name = _line(reply)
        if not _NAME.fullmatch(name):
            raise malformed(f"{_WHOSE}: expected the name of one role; set role_name")
        return name

    async def _get(self, path: str, token: str) -> Reply:
        headers = {"X-aliyun-ecs-metadata-token": token}
        reply = await self._call(Request(self._base + path, headers))
        if reply.status != 200:
            raise refused(reply, whose=_WHOSE, advice=_NO_ROLE if reply.status == 404 else "")
        return reply

    async def _call(self, request: Request) -> Reply:
        try:
            return await self._direct.call(request, timeout=TIMEOUT_SECONDS)
        except PollError as error:
            advice = "is this an ECS instance?" if error.reason is Reason.UNAVAILABLE else ""
            raise unreachable(error, whose=_WHOSE, advice=advice) from None


def _line(reply: Reply) -> str:
    return reply.body.decode("utf-8", "replace").strip()
