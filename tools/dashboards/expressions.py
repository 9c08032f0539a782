"""Every expression of a dashboard as it is written, read from its JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Document = Mapping[str, Any]

_LABEL_VALUES: Final = re.compile(r"label_values\((?:(?P<expr>.+),\s*)?(?P<label>\w+)\)")
_QUERY_RESULT: Final = re.compile(r"query_result\((?P<expr>.+)\)")


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One PromQL expression.

    Attributes:
        where: What it belongs to, for people.
        text: With Grafana's variables.
        instant: Whether only the newest value is asked for.
        target: Whether a panel asks it, and not a variable or an annotation.
        legend: Template for the names of its series.
    """

    where: str
    text: str
    instant: bool
    target: bool
    legend: str = ""


def panels(document: Document) -> Iterator[Document]:
    """All panels, those of collapsed rows included, without the rows."""
    for panel in document.get("panels", ()):
        if panel.get("type") == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def variables(document: Document, kind: str = "") -> list[Document]:
    """The variables, of one type if given."""
    found: Sequence[Document] = document.get("templating", {}).get("list", ())
    return [variable for variable in found if not kind or variable.get("type") == kind]


def annotations(document: Document) -> Sequence[Document]:
    """The annotation queries."""
    found: Sequence[Document] = document.get("annotations", {}).get("list", ())
    return found


def variable_expression(variable: Document) -> str | None:
    """The PromQL inside the function that a query variable calls; None if it calls none known."""
    query = variable.get("query")
    text = query.get("query", "") if isinstance(query, Mapping) else str(query)
    for function in (_LABEL_VALUES, _QUERY_RESULT):
        if found := function.fullmatch(text.strip()):
            return found["expr"] or "up"
    return None


def expressions(document: Document) -> Iterator[Expression]:
    """Of all targets, query variables and annotations."""
    for panel in panels(document):
        for target in panel.get("targets", ()):
            yield Expression(
                where=f"panel {panel.get('title')!r}, query {target.get('refId')}",
                text=target.get("expr", ""),
                instant=bool(target.get("instant")),
                target=True,
                legend=target.get("legendFormat", ""),
            )
    for variable in variables(document, "query"):
        yield Expression(
            where=f"variable {variable.get('name')}",
            text=variable_expression(variable) or "",
            instant=True,
            target=False,
        )
    for annotation in annotations(document):
        yield Expression(
            where=f"annotation {annotation.get('name')!r}",
            text=annotation.get("expr", ""),
            instant=False,
            target=False,
        )
