"""The control port: JSON over loopback, the same as the Python objects offer.

==========  =================  ================================================================
``GET``     ``/``              URLs of everything, simulated time
``GET``     ``/config``        exporter configuration as YAML, keys included
``GET``     ``/truth?since=``  true values over time (epoch seconds, inclusive)
``GET``     ``/requests?since=``  requests received
``GET``     ``/tasks``         tasks as they are; query as the fields of ``Selector``
``POST``    ``/tasks``         ``{"task": name or selector, "do": ..., ...}`` or ``{"create": ...}``
``GET``     ``/faults``        faults in force, by id
``POST``    ``/faults``        set one, fields as in ``Fault``; answers ``{"id": ...}``
``DELETE``  ``/faults[/id]``   clear one or all
``POST``    ``/scenario``      YAML or JSON
``POST``    ``/advance``       ``{"seconds": ...}``
``POST``    ``/access``        ``{"account": ..., "deny": [...], "allow": [...],
                               "public_key": bool, "token_expired": bool}``
``POST``    ``/credentials``   ``{"lifetime": seconds, "renewing": bool}``: of temporary ones handed
                               out from now on; not renewing, the same are given again and again
==========  =================  ================================================================

Mistakes answer 400 with ``{"error": ...}``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from aiohttp import web

from exporter.simulator.answers import JSON, encode
from exporter.simulator.faults import Fault
from exporter.simulator.scenario import ScenarioError
from exporter.simulator.world import Selector

if TYPE_CHECKING:
    from exporter.simulator.runner import Simulator

_CHUNK: Final = 2000


class AccessChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account may do from now on; ``deny`` and ``allow`` hold Alibaba actions."""

    account: str
    deny: list[str] = []
    allow: list[str] = []
    public_key: bool | None = None
    token_expired: bool | None = None


class CredentialChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What temporary credentials are handed out from now on; what is None stays as it is.

    ``lifetime`` in seconds. Without ``renewing`` whoever asks gets the same again, expired or not.
    """

    lifetime: Annotated[float, msgspec.Meta(ge=1)] | None = None
    renewing: bool | None = None


class _Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seconds: float


class Control:
    """Handlers of the control port.

    Args:
        simulator: What is controlled.
    """

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(middlewares=[_explain])
        application.router.add_routes(
            [
                web.get("/", self._index),
                web.get("/config", self._config),
                web.get("/truth", self._truth),
                web.get("/requests", self._requests),
                web.get("/tasks", self._tasks),
                web.post("/tasks", self._edit),
                web.get("/faults", self._faults),
                web.post("/faults", self._set_fault),
                web.delete("/faults", self._clear_faults),
                web.delete("/faults/{id}", self._clear_faults),
                web.post("/scenario", self._scenario),
                web.post("/advance", self._advance),
                web.post("/access", self._access),
                web.post("/credentials", self._credentials),
            ]
        )
        return application

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        simulator = self._simulator
        return _json(
            {
                "now": simulator.world.now,
                "dezhu_url": simulator.dezhu_url,
                "aliyun_url": simulator.aliyun_url,
                "control_url": simulator.control_url,
                "credentials_url": simulator.credentials_url,
                "accounts": [account.name for account in simulator.accounts],
                "missed": simulator.world.missed,
            }
        )

    async def _config(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._simulator.config_text(), content_type="application/yaml")

    async def _truth(self, request: web.Request) -> web.StreamResponse:
        records = self._simulator.world.truth_records(_since(request))
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        # A million records are sent in pieces, so that the vendors go on answering.
        pending: list[Any] = []
        opening = b"["
        for record in records:
            pending.append(record)
            if len(pending) == _CHUNK:
                await response.write(opening + encode(pending)[1:-1])
                opening, pending = b",", []
                await asyncio.sleep(0)
        rest = encode(pending)[1:-1]
        await response.write((opening if rest or opening == b"[" else b"") + rest + b"]")
        await response.write_eof()
        return response

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        return _json(self._simulator.requests.since(_since(request)))

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        selector = msgspec.convert(dict(request.query), Selector, strict=False)
        return _json(self._simulator.world.tasks(selector))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        step = msgspec.json.decode(await request.read())
        before = len(self._simulator.world.missed)
        await self._simulator.apply([step])
        if len(self._simulator.world.missed) > before:
            raise LookupError(self._simulator.world.missed.pop())
        return _json({"done": True})

    async def _faults(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._simulator.faults.active())

    async def _set_fault(self, request: web.Request) -> web.StreamResponse:
        fault = msgspec.json.decode(await request.read(), type=Fault)
        return _json({"id": self._simulator.faults.set(fault)})

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self._simulator.faults.clear(request.match_info.get("id"))
        return _json({"done": True})

    async def _scenario(self, request: web.Request) -> web.StreamResponse:
        await self._simulator.apply(await request.text())
        return _json({"done": True})

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        order = msgspec.json.decode(await request.read(), type=_Advance)
        self._simulator.world.advance(order.seconds)
        return _json({"now": self._simulator.world.now})

    async def _access(self, request: web.Request) -> web.StreamResponse:
        change = msgspec.json.decode(await request.read(), type=AccessChange)
        self._simulator.change_access(change)
        return _json({"done": True})

    async def _credentials(self, request: web.Request) -> web.StreamResponse:
        change = msgspec.json.decode(await request.read(), type=CredentialChange)
        self._simulator.change_credentials(change)
        return _json({"done": True})


@web.middleware
async def _explain(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (msgspec.MsgspecError, ScenarioError, LookupError, ValueError) as error:
        return _json({"error": str(error)}, status=400)


def _since(request: web.Request) -> float:
    return float(request.query.get("since", "0"))


def _json(document: Any, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=encode(document), content_type=JSON)
