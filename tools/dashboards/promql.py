"""PromQL as text and as a tree, with Grafana's variables in it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    Call,
    Expr,
    Matcher,
    MatrixSelector,
    VectorSelector,
    parse,
    walk,
)

# A digit after the sign is a group of `label_replace`.
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|([A-Za-z_]\w*))")
_BUILT_IN: Final = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h"}
# No one writes this by hand, so that it is known again in the tree.
_RATE_INTERVAL: Final = timedelta(seconds=7919)


@dataclass(frozen=True, kw_only=True)
class Selector:
    """One selector.

    Attributes:
        metric: Its name.
        matchers: Operator and value by label.
        function: What is called with its range; empty without a range.
        rate_interval: Whether the range is ``$__rate_interval``.
        kept: Labels that aggregations around it keep, from the inside outwards.
    """

    metric: str
    matchers: Mapping[str, tuple[str, str]]
    function: str
    rate_interval: bool
    kept: tuple[tuple[str, ...], ...]


def filled(text: str, values: Mapping[str, str] | None = None) -> str:
    """The text with values for variables; ``.+`` for those not given."""
    given = {**_BUILT_IN, **(values or {})}
    return _VARIABLE.sub(lambda found: given.get(found[1] or found[2], ".+"), text)


@lru_cache(maxsize=1024)
def problem(text: str) -> str | None:
    """What is wrong with an expression without variables; None if it parses."""
    try:
        parse(text)
    except ValueError as error:
        return f"{text!r} does not parse: {error}"
    return None


@lru_cache(maxsize=1024)
def selectors(text: str) -> tuple[Selector, ...]:
    """All selectors; variables in matchers stay as they are.

    Raises:
        ValueError: It does not parse.
    """
    seconds = f"{_RATE_INTERVAL.total_seconds():.0f}s"
    return _Walk().through(parse(text.replace("$__rate_interval", seconds)))


class _Walk:
    """Collects selectors on a way through a tree, which knows no parents itself."""

    def __init__(self) -> None:
        self._parents: list[Expr] = []
        self._found: list[Selector] = []

    def through(self, tree: Expr) -> tuple[Selector, ...]:
        walk(tree, self._enter, self._leave)
        return tuple(self._found)

    def _enter(self, node: Expr) -> None:
        if isinstance(node, MatrixSelector):
            self._add(node.vector_selector, node.range)
        elif isinstance(node, VectorSelector) and not isinstance(self._parent(), MatrixSelector):
            self._add(node, None)
        self._parents.append(node)

    def _leave(self, _node: Expr) -> None:
        self._parents.pop()

    def _parent(self) -> Expr | None:
        return self._parents[-1] if self._parents else None

    def _add(self, selector: VectorSelector, length: timedelta | None) -> None:
        parent = self._parent()
        called = parent.func.name if length is not None and isinstance(parent, Call) else ""
        self._found.append(
            Selector(
                metric=selector.name or "",
                matchers={
                    one.name: (_operator(one), one.value) for one in selector.matchers.matchers
                },
                function=called,
                rate_interval=length == _RATE_INTERVAL,
                kept=tuple(_kept(reversed(self._parents))),
            )
        )


def _operator(matcher: Matcher) -> str:
    # The operators themselves cannot be told apart but by their text.
    return str(matcher).removeprefix(matcher.name).partition('"')[0]


def _kept(around: Iterable[Expr]) -> Iterable[tuple[str, ...]]:
    for node in around:
        if not isinstance(node, AggregateExpr) or node.modifier is None:
            continue
        if node.modifier.type == AggModifierType.By:
            yield tuple(node.modifier.labels)
