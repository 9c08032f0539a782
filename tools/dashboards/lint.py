"""The rules of grafana/dashboard-linter that concern Prometheus, as that program states them.

Its two rules on LogQL do not apply. Exceptions stand in ``grafana/dashboards/.lint``, in the form
that the program reads itself (``dashboard-linter lint --config``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tools.dashboards.expressions import (
    Document,
    panels,
    variable_expression,
    variables,
)
from tools.dashboards.promql import Selector, filled, problem, selectors
from tools.dashboards.units import UNITS

_QUERYING: Final = frozenset({"stat", "gauge", "timeseries", "table", "bargauge"})
_TITLED: Final = frozenset({"stat", "gauge", "timeseries", "table", "bargauge"})
_DATASOURCE_NAMES: Final = ("datasource", "prometheus_datasource")
_DATASOURCE_LABELS: Final = ("Data source", "Prometheus data source")
_COUNTING: Final = frozenset({"rate", "irate", "increase"})
_RATES: Final = frozenset({"rate", "irate"})


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What a rule found; ``panel`` empty for the whole dashboard, ``target`` None for a panel."""

    rule: str
    dashboard: str
    message: str
    panel: str = ""
    target: int | None = None


Finding = tuple[str, str, int | None]
"""Message, title of the panel, place of the target."""


def lint(document: Document) -> list[Violation]:
    """Everything that any rule finds."""
    return [
        Violation(
            rule=rule,
            dashboard=document.get("title", ""),
            message=message,
            panel=panel,
            target=target,
        )
        for rule, check in RULES.items()
        for message, panel, target in check(document)
    ]


def is_excluded(violation: Violation, exceptions: Mapping[str, Any]) -> bool:
    """Whether the ``.lint`` file excludes it; one without entries excludes the whole rule."""
    rules = exceptions.get("exclusions") or {}
    if violation.rule not in rules:
        return False
    entries = (rules[violation.rule] or {}).get("entries") or []
    return not entries or any(_matches(entry, violation) for entry in entries)


def exceptions_of(text: str) -> Mapping[str, Any]:
    """What a ``.lint`` file says."""
    read: Mapping[str, Any] = yaml.safe_load(text) or {}
    return read


def _matches(entry: Mapping[str, Any], violation: Violation) -> bool:
    return (
        entry.get("dashboard", "") == violation.dashboard
        and (not violation.panel or entry.get("panel", "") == violation.panel)
        and entry.get("targetIdx", "") in {"", str(violation.target)}
    )


def _template_datasource(document: Document) -> Iterator[Finding]:
    found = variables(document, "datasource")
    if len(found) != 1:
        yield f"{len(found)} variables of type datasource in place of one", "", None
        return
    if found[0].get("name") not in _DATASOURCE_NAMES:
        yield f"it is named {found[0].get('name')}", "", None
    if found[0].get("label") not in _DATASOURCE_LABELS:
        yield f"it is labelled {found[0].get('label')}", "", None


def _template(name: str, label: str) -> Callable[[Document], Iterator[Finding]]:
    wanted: Mapping[str, object] = {
        "type": "query",
        "label": label,
        "multi": True,
        "allValue": ".+",
    }

    def check(document: Document) -> Iterator[Finding]:
        found = next((one for one in variables(document) if one.get("name") == name), None)
        if found is None:
            yield f"no variable {name}", "", None
            return
        for key, value in wanted.items():
            if found.get(key) != value:
                yield f"variable {name}: {key} is {found.get(key)!r}, not {value!r}", "", None
        if not _is_templated(found.get("datasource")):
            yield f"variable {name} does not use the data source variable", "", None

    return check


def _is_templated(datasource: object) -> bool:
    uid = datasource.get("uid") if isinstance(datasource, Mapping) else datasource
    return uid in {form for name in _DATASOURCE_NAMES for form in (f"${name}", f"${{{name}}}")}


def _template_promql(document: Document) -> Iterator[Finding]:
    for variable in variables(document, "query"):
        expression = variable_expression(variable)
        wrong = "no function that is known" if expression is None else problem(filled(expression))
        if wrong:
            yield f"variable {variable.get('name')}: {wrong}", "", None


def _template_refresh(document: Document) -> Iterator[Finding]:
    for variable in variables(document, "query"):
        if variable.get("refresh") != 2:
            yield f"variable {variable.get('name')} is not refreshed with the time", "", None


def _panel_datasource(document: Document) -> Iterator[Finding]:
    for panel in panels(document):
        used = [panel.get("datasource"), *(one.get("datasource") for one in _targets(panel))]
        if not all(_is_templated(one) for one in used):
            yield "does not use the data source variable", panel.get("title", ""), None


def _panel_title(document: Document) -> Iterator[Finding]:
    for panel in panels(document):
        if panel.get("type") in _TITLED:
            for key in ("title", "description"):
                if not panel.get(key):
                    yield f"has no {key}", panel.get("title", ""), None


def _panel_units(document: Document) -> Iterator[Finding]:
    for panel in panels(document):
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
        if panel.get("type") in _QUERYING and unit not in UNITS:
            yield f"unit {unit!r} is not one of Grafana's", panel.get("title", ""), None


def _panel_targets(document: Document) -> Iterator[Finding]:
    for panel in panels(document):
        if panel.get("type") in _QUERYING and not _targets(panel):
            yield "has no query", panel.get("title", ""), None


def _target_promql(document: Document) -> Iterator[Finding]:
    for panel in panels(document):
        for place, target in enumerate(_targets(panel)):
            if wrong := problem(filled(target.get("expr", ""))):
                yield wrong, panel.get("title", ""), place


def _of_selectors(
    wrong: Callable[[Selector], str | None],
) -> Callable[[Document], Iterator[Finding]]:
    """A rule on every selector of every target that parses."""

    def check(document: Document) -> Iterator[Finding]:
        for panel in panels(document):
            for place, target in enumerate(_targets(panel)):
                text = target.get("expr", "")
                if problem(filled(text)):
                    continue  # another rule says so
                for selector in selectors(text):
                    if message := wrong(selector):
                        yield message, panel.get("title", ""), place

    return check


def _fixed_rate(selector: Selector) -> str | None:
    if selector.function in _RATES and not selector.rate_interval:
        return f"{selector.metric}: {selector.function} without $__rate_interval"
    return None


def _lacks(label: str) -> Callable[[Selector], str | None]:
    def wrong(selector: Selector) -> str | None:
        if selector.matchers.get(label) == ("=~", f"${label}"):
            return None
        return f'{selector.metric} has no {label}=~"${label}"'

    return wrong


def _bare_counter(selector: Selector) -> str | None:
    if selector.metric.endswith("_total") and selector.function not in _COUNTING:
        return f"{selector.metric} is a counter without rate or increase"
    return None


def _uneditable(document: Document) -> Iterator[Finding]:
    if document.get("editable") is not False:
        yield "can be edited", "", None


def _targets(panel: Document) -> Sequence[Document]:
    found: Sequence[Document] = panel.get("targets") or ()
    return found


RULES: Final[Mapping[str, Callable[[Document], Iterator[Finding]]]] = {
    "template-datasource-rule": _template_datasource,
    "template-job-rule": _template("job", "Job"),
    "template-instance-rule": _template("instance", "Instance"),
    "template-label-promql-rule": _template_promql,
    "template-on-time-change-reload-rule": _template_refresh,
    "panel-datasource-rule": _panel_datasource,
    "panel-title-description-rule": _panel_title,
    "panel-units-rule": _panel_units,
    "panel-no-targets-rule": _panel_targets,
    "target-promql-rule": _target_promql,
    "target-rate-interval-rule": _of_selectors(_fixed_rate),
    "target-job-rule": _of_selectors(_lacks("job")),
    "target-instance-rule": _of_selectors(_lacks("instance")),
    "target-counter-agg-rule": _of_selectors(_bare_counter),
    "uneditable-dashboard": _uneditable,
}
