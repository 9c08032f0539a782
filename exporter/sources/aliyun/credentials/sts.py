"""Credentials of a RAM role from STS: assumed with other credentials, or with an OIDC token."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from exporter.clock import Clock
from exporter.errors import ConfigError, PollError, Reason
from exporter.exposition import masked
from exporter.reply import Reply, http_error
from exporter.secret import SecretReader
from exporter.source import Priority
from exporter.sources.address import parse_address
from exporter.sources.aliyun.answer import CODES, known_code
from exporter.sources.aliyun.client import Client
from exporter.sources.aliyun.credential_options import RoleOptions
from exporter.sources.aliyun.credentials.issued import credentials_of, json_object
from exporter.sources.aliyun.credentials.model import CredentialProvider, Credentials
from exporter.sources.aliyun.signature import canonical_query
from exporter.transport import Request, Transport

STS_VERSION: Final = "2015-04-01"
ASSUME_ROLE: Final = "AssumeRole"
ASSUME_ROLE_WITH_OIDC: Final = "AssumeRoleWithOIDC"
REGION: Final = "ALIBABA_CLOUD_STS_REGION"
VPC: Final = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"
_CODE: Final = re.compile(r"[A-Za-z]{1,40}(\.[A-Za-z]{1,40}){0,4}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_DATE: Final = "%Y-%m-%dT%H:%M:%SZ"


class Identity(msgspec.Struct, frozen=True):
    """What is assumed with an OIDC token."""

    role_arn: str
    provider_arn: str
    session_name: str


class RoleService:
    """``AssumeRole``, signed with other credentials."""

    def __init__(self, role: RoleOptions, *, client: Client, base: CredentialProvider) -> None:
        """``client`` calls STS and signs with ``base``."""
        self._role = role
        self._client = client
        self._base = base

    async def fetch(self) -> Credentials:
        """New credentials of the role.

        Raises:
            PollError: STS gives none, or there are none to ask with.
        """
        parameters = {"RoleArn": self._role.arn, "RoleSessionName": self._role.session_name}

        def read(reply: Reply) -> Credentials:
            return _read(reply, ASSUME_ROLE, _ROLE_ADVICE)

        return await self._client.call(ASSUME_ROLE, parameters, read, priority=Priority.ACTIVE)

    async def check(self) -> None:
        """Look at the credentials that it is assumed with.

        Raises:
            ConfigError: They lack something.
        """
        await self._base.check()


class OidcService:
    """``AssumeRoleWithOIDC``, which is not signed: the token says who asks."""

    def __init__(
        self,
        identity: Identity,
        *,
        token: SecretReader,
        endpoint: str,
        transport: Transport,
        clock: Clock,
    ) -> None:
        """``token`` is read again when its file changes."""
        self._identity = identity
        self._token = token
        self._base = parse_address(endpoint).base
        self._transport = transport
        self._clock = clock

    async def fetch(self) -> Credentials:
        """New credentials of the role.

        Raises:
            ConfigError: The file of the token is of no use.
            PollError: STS gives none.
        """
        request = await self._request()

        def read(reply: Reply) -> Credentials:
            return _read(reply, ASSUME_ROLE_WITH_OIDC, _OIDC_ADVICE)

        return await self._transport.call(
            ASSUME_ROLE_WITH_OIDC, request, read, priority=Priority.ACTIVE
        )

    async def check(self) -> None:
        """Read the file of the token.

        Raises:
            ConfigError: It is of no use.
        """
        await self._token.read()

    async def _request(self) -> Callable[[], Request]:
        token = await self._token.read()
        form = {
            "RoleArn": self._identity.role_arn,
            "OIDCProviderArn": self._identity.provider_arn,
            "RoleSessionName": self._identity.session_name,
            "OIDCToken": token.reveal(),
        }

        def request() -> Request:
            query = {
                "Action": ASSUME_ROLE_WITH_OIDC,
                "Format": "JSON",
                "Version": STS_VERSION,
                "Timestamp": datetime.fromtimestamp(self._clock.now(), UTC).strftime(_DATE),
            }
            return Request(
                url=f"{self._base}/?{canonical_query(query)}",
                headers={
                    "accept": "application/json",
                    "content-type": "application/x-www-form-urlencoded",
                },
                method="POST",
                # Not in the query: proxies and servers write that into their logs.
                body=canonical_query(form).encode(),
            )

        return request


def sts_endpoint(configured: str, environ: Mapping[str, str], *, path: str) -> str:
    """The address of STS: the configured one, that of the region in the environment, or the usual.

    Raises:
        ConfigError: The environment names no region.
    """
    region = environ.get(REGION, "").strip()
    if configured or not region:
        return configured or "https://sts.aliyuncs.com"
    if not _REGION.fullmatch(region):
        raise ConfigError(
            f"expected a region such as cn-shanghai in the environment variable {REGION}",
            path=path,
        )
    host = "sts-vpc" if environ.get(VPC, "").lower() == "true" else "sts"
    return f"https://{host}.{region}.aliyuncs.com"


_CLOCK_ADVICE: Final = {Reason.CLOCK: "set the clock of this machine by NTP"}
_ROLE_ADVICE: Final = _CLOCK_ADVICE | {
    Reason.AUTH: "check the credentials that the role is assumed with",
    Reason.PERMISSION: "allow sts:AssumeRole, and name who asks in the role's trust policy",
    Reason.CONFIG: "check role.arn, role.session_name and sts_endpoint",
}
_OIDC_ADVICE: Final = _CLOCK_ADVICE | {
    Reason.AUTH: "check the OIDC token and its provider",
    Reason.PERMISSION: "name the OIDC provider, its issuer and subject in the role's trust policy",
    Reason.CONFIG: "check the role, the OIDC provider, its token file and sts_endpoint",
}


def _read(reply: Reply, action: str, advice: Mapping[Reason, str]) -> Credentials:
    whose = f"STS {action}"
    if 200 <= reply.status < 300:
        answer = json_object(reply, whose=whose)
        return credentials_of(answer.get("Credentials"), whose=f"{whose}: Credentials")
    raise _failure(reply, whose, advice)


def _failure(reply: Reply, whose: str, advice: Mapping[Reason, str]) -> PollError:
    code = _code_of(reply)
    known = known_code(code)
    error = http_error(reply)
    reason = error.reason if known is None else CODES[known]
    told = f"{masked(code)} (HTTP {reply.status})" if code else f"HTTP {reply.status}"
    message = f"{whose}: {told}" + (f"; {advice[reason]}" if reason in advice else "")
    return PollError(reason, message, code=known or error.code, retry_after=error.retry_after)


def _code_of(reply: Reply) -> str:
    """The code of an error; empty where there is none that looks like one."""
    try:
        answer = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    code = answer.get("Code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
