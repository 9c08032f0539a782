"""The part that both vendors' servers share: faults, the log, and sending."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from exporter.simulator.accounts import Access, Directory
from exporter.simulator.answers import Answer, Visit
from exporter.simulator.damage import damaged
from exporter.simulator.delivery import deliver
from exporter.simulator.faults import FaultBook, Hit
from exporter.simulator.issuing import Issuer
from exporter.simulator.journal import RequestLog
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.world import World

Reply = Callable[[Visit, tuple[Hit, ...], float], Answer]
"""Given what is asked, the faults that hit it, and the vendor's time in epoch seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that a vendor's server works with."""

    options: SimulatorOptions
    directory: Directory
    access: Access
    world: World
    faults: FaultBook
    requests: RequestLog
    issuer: Issuer

    async def serve(self, request: web.Request, visit: Visit, reply: Reply) -> web.StreamResponse:
        """Answer a request, unless a fault does otherwise."""
        if self.options.automatic:
            self.world.catch_up()
        now = self.options.clock()
        hits = self.faults.match(visit)
        skew = sum(hit.fault.seconds for hit in hits if hit.fault.kind == "clock_skew")
        answer = reply(visit, hits, now + skew)
        for hit in hits:
            answer = damaged(answer, hit.fault, visit)
        outcome = "+".join(hit.fault.kind for hit in hits) or answer.code
        self.requests.note(now, visit, outcome=outcome, http_status=answer.status)
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        return await deliver(request, answer, hits, self.faults, now + skew)
