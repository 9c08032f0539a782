"""Which labels the result of an expression has: what always, and what at least sometimes."""

from dataclasses import dataclass
from functools import cache

import promql_parser as promql

from exporter.errors import Reason
from exporter.families import FAMILIES
from exporter.families import Labels as family_labels  # noqa: N813
from exporter.telemetry import Telemetry
from tests.rules.promtool import records

SCRAPED = frozenset({"job", "instance"})
SET_OPERATORS = ("and", "unless", "or")


@dataclass(frozen=True)
class Labels:
    """`always` are on each series of a result, `sometimes` on some; scalars have neither."""

    always: frozenset[str]
    sometimes: frozenset[str]
    scalar: bool = False

    def less(self, names: frozenset[str]) -> "Labels":
        return Labels(self.always - names, self.sometimes - names)


def same(names: frozenset[str]) -> Labels:
    return Labels(names, names)


SCALAR = Labels(frozenset(), frozenset(), scalar=True)


@cache
def exposed() -> dict[str, frozenset[str]]:
    """Every metric that Prometheus gets from the exporter or makes of it, and its labels."""
    known = {"up": SCRAPED}
    for family in FAMILIES:
        known[family.name] = SCRAPED | {*family.labels.value, *family.extra}
    telemetry = Telemetry()
    meter = telemetry.account(
        platform="-", name="-", operations=("-",), codes={"-": Reason.UNAVAILABLE}
    )
    meter.show()
    meter.unknown("-")
    meter.budget(rate=0, remaining={"-": 0})
    for metric in telemetry.registry.collect():
        for sample in metric.samples:
            known[sample.name] = SCRAPED | sample.labels.keys()
    return known


@cache
def recorded() -> dict[str, frozenset[str]]:
    """Every recorded series and its labels."""
    # The one series that is built on itself: what is known of its past.
    known = {
        "task:outbound_task_ended_customers:last_rate30m": SCRAPED | {*family_labels.TASK.value}
    }
    for rule in records():
        labels = _labels(promql.parse(rule["expr"]), exposed() | known).always
        known[rule["record"]] = labels | rule.get("labels", {}).keys()
    return known


def labels_of(text: str) -> Labels:
    """Raises AssertionError where an expression cannot give what it seems to."""
    return _labels(promql.parse(text), exposed() | recorded())


def _labels(expr: promql.Expr, known: dict[str, frozenset[str]]) -> Labels:
    match expr:
        case promql.VectorSelector():
            labels = known[expr.name]
            asked = {matcher.name for matcher in expr.matchers.matchers}
            assert asked <= labels, f"{expr.name} has no label {asked - labels}"
            return same(labels)
        case promql.MatrixSelector() | promql.SubqueryExpr() | promql.ParenExpr():
            inner = expr.vector_selector if isinstance(expr, promql.MatrixSelector) else expr.expr
            return _labels(inner, known)
        case promql.AggregateExpr():
            assert expr.modifier.type == promql.AggModifierType.Without, "by drops target labels"
            return _labels(expr.expr, known).less(frozenset(expr.modifier.labels))
        case promql.Call():
            return _call(expr, known)
        case promql.BinaryExpr():
            return _binary(expr, known)
        case _:
            return SCALAR


def _call(expr: promql.Call, known: dict[str, frozenset[str]]) -> Labels:
    if expr.func.name == "absent":
        return same(frozenset(m.name for m in expr.args[0].matchers.matchers))
    of_arguments = [_labels(argument, known) for argument in expr.args]
    return next((labels for labels in of_arguments if not labels.scalar), SCALAR)


def _binary(expr: promql.BinaryExpr, known: dict[str, frozenset[str]]) -> Labels:
    left, right = _labels(expr.lhs, known), _labels(expr.rhs, known)
    if left.scalar or right.scalar:
        return right if left.scalar else left
    if str(expr.op) == "or":
        return Labels(left.always & right.always, left.sometimes | right.sometimes)
    matching = expr.modifier.matching if expr.modifier else None
    ignored = frozenset(matching.labels) if matching else frozenset()
    assert left.less(ignored).sometimes == right.less(ignored).always, (
        f"never matches: {sorted(left.sometimes - ignored)} and {sorted(right.always - ignored)}"
        f" in {expr.prettify()}"
    )
    many = expr.modifier and expr.modifier.card == promql.VectorMatchCardinality.ManyToOne
    return left if many or str(expr.op) in SET_OPERATORS else left.less(ignored)


def parts(text: str) -> list[promql.Expr]:
    """All expressions within one, itself included."""
    found: list[promql.Expr] = []

    def visit(expr: promql.Expr) -> bool:
        found.append(expr)
        return True

    promql.walk(promql.parse(text), visit)
    return found
