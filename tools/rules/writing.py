"""Groups of rules to YAML that a person can read: expressions in blocks, comments above rules."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tools.rules.model import Alert, Group, Record, duration
from tools.thresholds import Thresholds

_WIDTH: Final = 100
RUNBOOKS: Final = f"{Thresholds.home}/blob/main/docs/runbooks.md"


def document(*, about: str, area: str, groups: Iterable[Group]) -> str:
    """One rule file.

    Args:
        about: What the file is for, a comment at its top.
        area: The label `area` of its alerts; empty where there are none.
        groups: In their order.
    """
    lines = [
        *_comment(about, ""),
        "# Made by `make rules` from tools/rules and tools/thresholds.py. Do not edit it by hand.",
        *(["# yamllint disable rule:line-length"] if area else []),
        "groups:",
    ]
    for group in groups:
        lines += [*_comment(group.comment, "  "), f"  - name: {group.name}", "    rules:"]
        for rule in group.rules:
            lines += _record(rule) if isinstance(rule, Record) else _alert(rule, area)
    return "\n".join(lines) + "\n"


def _record(rule: Record) -> Iterator[str]:
    yield from _comment(rule.comment, "      ")
    yield f"      - record: {rule.record}"
    yield from _expression(rule.expr)
    yield from _mapping("labels", rule.labels)


def _alert(rule: Alert, area: str) -> Iterator[str]:
    yield from _comment(rule.comment, "      ")
    yield f"      - alert: {rule.alert}"
    yield from _expression(rule.expr)
    yield f"        for: {duration(rule.hold)}"
    if rule.keep_firing:
        yield f"        keep_firing_for: {duration(rule.keep_firing)}"
    yield from _mapping("labels", {"severity": rule.severity, "area": area})
    yield from _mapping("annotations", annotations_of(rule))


def annotations_of(rule: Alert) -> dict[str, str]:
    """All annotations of an alert, the address of its runbook included."""
    return {
        "summary": rule.text.summary,
        "description": rule.text.description,
        "summary_zh": rule.text.summary_zh,
        "description_zh": rule.text.description_zh,
        "runbook_url": f"{RUNBOOKS}#{rule.alert.lower()}",
    }


def _expression(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    yield from textwrap.indent(textwrap.dedent(expr).strip(), " " * 10).splitlines()


def _mapping(key: str, values: Mapping[str, str]) -> Iterator[str]:
    if values:
        yield f"        {key}:"
    for name, value in values.items():
        # A JSON text is a YAML scalar; plain words need no quotes.
        plain = value.isascii() and value.replace("_", "").isalnum() and not value.isdigit()
        yield f"          {name}: {value if plain else json.dumps(value, ensure_ascii=False)}"


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH - len(indent) - 2):
        yield f"{indent}# {line}"
