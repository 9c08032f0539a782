"""The Alibaba server: the gateway's checks, then the action."""

import uuid
from typing import Any, Final

from aiohttp import web

from exporter.simulator.accounts import AliyunAccount
from exporter.simulator.acs3 import SignedRequest, claim_of, parameters
from exporter.simulator.aliyun_actions import ACTIONS, GET_ONLY, Call, Denial
from exporter.simulator.answers import Answer, Visit, encode
from exporter.simulator.desk import Desk
from exporter.simulator.faults import Hit, slide_of
from exporter.simulator.gateway import Gateway

VERSION: Final = "2019-12-26"
CONTENT_TYPE: Final = "application/json;charset=utf-8"


class AliyunServer:
    """Answers for all Alibaba accounts.

    Args:
        desk: What it works with.
        gateway: Verifies who calls.
    """

    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self._desk = desk
        self._gateway = gateway

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application()
        application.router.add_route("GET", "/", self._handle)
        application.router.add_route("POST", "/", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        signed = SignedRequest(
            method=request.method,
            query=request.raw_path.partition("?")[2],
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        claim = claim_of(signed)
        given = parameters(signed.query)
        if request.content_type == "application/x-www-form-urlencoded":
            given |= parameters(body.decode("utf-8", "replace"))
        account = self._gateway.caller(claim)
        page, size = given.get("PageNumber", ""), given.get("PageSize", "")
        visit = Visit(
            vendor="aliyun",
            account=account.name if account else "",
            operation=signed.headers.get("x-acs-action", ""),
            scope=given.get("InstanceId", ""),
            page=int(page) if page.isdecimal() else None,
            size=int(size) if size.isdecimal() else 0,
            statuses=given.get("JobGroupStatusFilter", ""),
            nonce=signed.headers.get("x-acs-signature-nonce", ""),
        )

        def reply(visit: Visit, hits: tuple[Hit, ...], now: float) -> Answer:
            try:
                verified = self._gateway.authenticate(signed, claim, now=now)
                return self._act(signed, verified, visit, given, hits)
            except Denial as denial:
                return refused(denial.code, str(denial), denial.status)

        return await self._desk.serve(request, visit, reply)

    def _act(
        self,
        request: SignedRequest,
        account: AliyunAccount,
        visit: Visit,
        given: dict[str, str],
        hits: tuple[Hit, ...],
    ) -> Answer:
        if request.headers["x-acs-version"] != VERSION:
            raise Denial("NoSuchVersion", "Specified parameter Version is not valid.")
        action = ACTIONS.get(visit.operation)
        if action is None:
            message = "Specified api is not found, please check your url and method."
            raise Denial("InvalidAction.NotFound", message, 404)
        if request.method != "GET" and visit.operation in GET_ONLY:
            raise Denial("UnsupportedHTTPMethod", "This http method is not supported.")
        if "json" not in request.headers.get("accept", ""):
            # What RPC answers to those who do not ask for JSON.
            return Answer(code="OK", body=b"<Response/>", ok=False, content_type="text/xml")
        if (account.name, visit.operation) in self._desk.access.denied:
            message = "User not authorized to operate on the specified resource."
            raise Denial("Forbidden.RAM", message, 403)
        call = Call(self._desk.world, account, given, slide_of(hits), self._desk.options)
        return accepted(action(call))


def accepted(payload: dict[str, Any]) -> Answer:
    """Return the envelope of a success."""
    envelope = {
        "HttpStatusCode": 200,
        "Code": "OK",
        "Message": "Success",
        "RequestId": _request_id(),
        "Success": True,
    }
    return Answer(code="OK", body=encode(envelope | payload), content_type=CONTENT_TYPE)


def refused(code: str, message: str, status: int) -> Answer:
    """Return a failure: as the product words it for ``NotExist``, else as the gateway does.

    A status of 200 gives the product's envelope too, with ``Success`` false.
    """
    body: dict[str, Any] = {"RequestId": _request_id(), "Code": code, "Message": message}
    if code.startswith("NotExist.") or status == 200:
        body |= {"HttpStatusCode": status, "Success": False}
    else:
        recommend = f"https://api.aliyun.com/troubleshoot?q={code}"
        body |= {"HostId": "outboundbot.cn-shanghai.aliyuncs.com", "Recommend": recommend}
    return Answer(code=code, body=encode(body), ok=False, status=status, content_type=CONTENT_TYPE)


def _request_id() -> str:
    return str(uuid.uuid4()).upper()
