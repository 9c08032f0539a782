"""The source of platform ``acme``: one list of campaigns, filtered by a word for the status."""

from typing import Any

import msgspec

from exporter.domain import Progress, Scope, Status, Task
from exporter.errors import PollError, Reason
from exporter.reply import Reply, http_error, malformed
from exporter.source import Abilities, Outline, Page, Priority, Query, SourceContext, SourceType
from exporter.transport import Request
from tests.integration._acme.options import AcmeOptions

WORDS = {"on": Status.RUNNING, "off": Status.PAUSED, "over": Status.COMPLETED}
NAMES = {status: word for word, status in WORDS.items()}


class AcmeSource:
    def __init__(self, context: SourceContext, options: AcmeOptions) -> None:
        self._transport = context.transport
        self._options = options

    @property
    def abilities(self) -> Abilities:
        return _abilities(self._options)

    @property
    def concurrency(self) -> None:
        return None

    @property
    def credential_expiry(self) -> None:
        return None

    def follow(self, before):
        pass

    async def scopes(self) -> tuple[Scope, ...]:
        return (Scope(),)

    def fixed_tasks(self, scope: Scope) -> tuple[str, ...] | None:  # noqa: ARG002
        return None

    async def page(self, query: Query, number: int, *, priority: Priority) -> Page:
        parts = [f"page={number}", f"size={query.page_size or self._options.page_size}"]
        if query.statuses is not None:
            parts += [f"state={NAMES[status]}" for status in query.statuses]
        return await self._call("list", "&".join(parts), _page, priority)

    async def find(
        self,
        scope: Scope,  # noqa: ARG002
        task: Task,
        *,
        priority: Priority,
    ) -> Task | None:
        page = await self._call("find", f"id={task.id}", _page, priority)
        return next(iter(page.tasks), None)

    async def _call(self, operation: str, query: str, read: Any, priority: Priority) -> Any:
        def request() -> Request:
            headers = {"Authorization": f"Bearer {self._options.token.reveal()}"}
            return Request(url=f"{self._options.url}/campaigns?{query}", headers=headers)

        return await self._transport.call(operation, request, read, priority=priority)


def _page(reply: Reply) -> Page:
    if reply.status == 423:
        raise PollError(Reason.PERMISSION, "acme has locked the account", code="locked")
    if reply.status != 200:
        raise http_error(reply)
    try:
        answer = msgspec.json.decode(reply.body)
        tasks = tuple(
            Task(
                id=row["id"],
                name=row["title"],
                status=WORDS.get(row["state"], Status.UNKNOWN),
                progress=Progress(customers=row["people"], completed=row.get("done")),
            )
            for row in answer["rows"]
        )
        return Page(tasks, answer["count"])
    except (msgspec.DecodeError, KeyError, TypeError):
        raise malformed("rows: expected a list of campaigns") from None


def _abilities(options: AcmeOptions) -> Abilities:
    return Abilities(statuses=frozenset(NAMES), page_size=options.page_size, statuses_per_query=1)


def _outline(account: Any) -> Outline:
    return Outline(abilities=_abilities(account.options))


async def _open(context: SourceContext) -> AcmeSource:
    assert isinstance(context.account.options, AcmeOptions)
    return AcmeSource(context, context.account.options)


async def _check(account: Any) -> None:
    pass


ACME = SourceType(
    platform="acme",
    options=AcmeOptions,
    operations=("list", "find"),
    codes={"locked": Reason.PERMISSION},
    open=_open,
    check=_check,
    outline=_outline,
)
