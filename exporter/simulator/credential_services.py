"""The services that hand out temporary credentials: STS, the metadata service, a credentials URI.

They share one server, for their paths differ. To faults and in the log they are operations of
vendor ``aliyun``: ``AssumeRole``, ``AssumeRoleWithOIDC``, ``MetadataToken``, ``MetadataRole``,
``MetadataCredentials`` and ``CredentialsURI``.
"""

import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import web

from exporter.simulator.acs3 import SignedRequest, claim_of, parameters
from exporter.simulator.aliyun import CONTENT_TYPE, refused
from exporter.simulator.aliyun_actions import Denial
from exporter.simulator.answers import Answer, Visit, encode
from exporter.simulator.desk import Desk
from exporter.simulator.faults import Hit
from exporter.simulator.gateway import Gateway, check_date
from exporter.simulator.issuing import Issued, provider_arn

STS_VERSION: Final = "2015-04-01"
_ROLES: Final = "/latest/meta-data/ram/security-credentials/"
_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_LONGEST_TTL_SECONDS: Final = 21600


class CredentialServer:
    """Answers for all of them.

    Args:
        desk: What it works with.
        gateway: Verifies who calls STS.
    """

    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self._desk = desk
        self._gateway = gateway
        self._metadata_tokens: dict[str, float] = {}

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application()
        application.router.add_routes(
            [
                web.get("/credentials/{account}", self._uri),
                web.put("/latest/api/token", self._metadata_token),
                web.get(_ROLES, self._metadata_role),
                web.get(_ROLES + "{account}", self._metadata_credentials),
                web.get("/", self._sts),
                web.post("/", self._sts),
            ]
        )
        return application

    async def _uri(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(
            request, "CredentialsURI", lambda visit, _now: self._handed_out(visit)
        )

    async def _metadata_token(self, request: web.Request) -> web.StreamResponse:
        def reply(visit: Visit, _now: float) -> Answer:
            ttl = request.headers.get("X-aliyun-ecs-metadata-token-ttl-seconds", "")
            if not ttl.isdecimal() or not 1 <= int(ttl) <= _LONGEST_TTL_SECONDS:
                raise Denial("BadRequest", f"no token for {visit.operation} without a ttl", 400)
            token = secrets.token_urlsafe(40)
            self._metadata_tokens[token] = self._desk.options.clock() + int(ttl)
            return _text(token)

        return await self._serve(request, "MetadataToken", reply)

    async def _metadata_role(self, request: web.Request) -> web.StreamResponse:
        def reply(_visit: Visit, _now: float) -> Answer:
            self._check_metadata_token(request)
            return _text(self._desk.issuer.names()[0])

        return await self._serve(request, "MetadataRole", reply)

    async def _metadata_credentials(self, request: web.Request) -> web.StreamResponse:
        def reply(visit: Visit, _now: float) -> Answer:
            self._check_metadata_token(request)
            return self._handed_out(visit)

        return await self._serve(request, "MetadataCredentials", reply)

    def _check_metadata_token(self, request: web.Request) -> None:
        token = request.headers.get("X-aliyun-ecs-metadata-token", "")
        if self._metadata_tokens.get(token, 0.0) <= self._desk.options.clock():
            raise Denial("Forbidden", "only IMDSv2 is answered", 403)

    def _handed_out(self, visit: Visit) -> Answer:
        if visit.account not in self._desk.issuer.names():
            raise Denial("NotFound", "there is no such role", 404)
        issued = self._desk.issuer.issue(visit.account, visit.operation)
        return _json({"Code": "Success", **issued.fields()})

    async def _sts(self, request: web.Request) -> web.StreamResponse:
        signed = SignedRequest(
            method=request.method,
            query=request.raw_path.partition("?")[2],
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        action = signed.headers.get("x-acs-action") or parameters(signed.query).get("Action", "")
        actions = {"AssumeRole": self._assume_role, "AssumeRoleWithOIDC": self._with_oidc}
        reply = actions.get(action, _unknown_action)
        return await self._serve(request, action, partial(reply, signed))

    def _assume_role(self, signed: SignedRequest, visit: Visit, now: float) -> Answer:
        caller = self._gateway.authenticate(signed, claim_of(signed), now=now)
        if signed.headers["x-acs-version"] != STS_VERSION:
            raise Denial("NoSuchVersion", "Specified parameter Version is not valid.")
        given = parameters(signed.query)
        account = self._role(given)
        if (caller.name, "AssumeRole") in self._desk.access.denied or account != caller.name:
            raise Denial("NoPermission", "You are not authorized to do this action.", 403)
        return self._assumed(visit, account)

    def _with_oidc(self, signed: SignedRequest, visit: Visit, now: float) -> Answer:
        query = parameters(signed.query)
        if query.get("Version") != STS_VERSION or query.get("Format") != "JSON":
            raise Denial("NoSuchVersion", "Specified parameter Version is not valid.")
        check_date(query.get("Timestamp", ""), now)
        if signed.method != "POST" or "OIDCToken" in query:
            raise Denial("UnsupportedHTTPMethod", "The simulator wants the token in a form.")
        given = parameters(signed.body.decode("utf-8", "replace"))
        account = self._role(given)
        if given.get("OIDCProviderArn") != provider_arn():
            raise Denial("EntityNotExist.OIDCProvider", "The OIDC provider does not exist.", 404)
        if given.get("OIDCToken") != self._desk.issuer.oidc_tokens[account]:
            raise Denial("AuthenticationFail.OIDCToken.Expired", "This JsonWebToken is expired.")
        return self._assumed(visit, account)

    def _role(self, given: dict[str, str]) -> str:
        if not _SESSION_NAME.fullmatch(given.get("RoleSessionName", "")):
            raise Denial("InvalidParameter.RoleSessionName", "RoleSessionName is wrongly formed.")
        account = self._desk.issuer.role_of(given.get("RoleArn", ""))
        if account is None:
            raise Denial("EntityNotExist.Role", "The role not exists.", 404)
        return account

    def _assumed(self, visit: Visit, account: str) -> Answer:
        issued: Issued = self._desk.issuer.issue(account, visit.operation)
        return _json({"RequestId": secrets.token_hex(16), "Credentials": issued.fields()})

    async def _serve(
        self, request: web.Request, operation: str, reply: Callable[[Visit, float], Answer]
    ) -> web.StreamResponse:
        visit = Visit(
            vendor="aliyun",
            account=request.match_info.get("account", ""),
            operation=operation,
            nonce=request.headers.get("x-acs-signature-nonce", ""),
        )

        def answer(visit: Visit, _hits: tuple[Hit, ...], now: float) -> Answer:
            try:
                return reply(visit, now)
            except Denial as denial:
                return refused(denial.code, str(denial), denial.status)

        return await self._desk.serve(request, visit, answer)


def _unknown_action(_signed: SignedRequest, _visit: Visit, _now: float) -> Answer:
    raise Denial("InvalidAction.NotFound", "Specified api is not found.", 404)


def _text(text: str) -> Answer:
    return Answer(code="OK", body=text.encode(), content_type="text/plain")


def _json(document: dict[str, object]) -> Answer:
    return Answer(code="OK", body=encode(document), content_type=CONTENT_TYPE)
