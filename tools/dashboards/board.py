"""A whole dashboard: where its panels stand, and what all dashboards have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
)

from tools.dashboards.panels import DATASOURCE
from tools.dashboards.queries import JOB, firing, of
from tools.dashboards.words import Language
from tools.thresholds import Thresholds

TAG: Final = "outbound-exporter"
SCHEMA_VERSION: Final = 39  # of Grafana 10.4 and 11: newer ones migrate it, older ones cannot
GRID_COLUMNS: Final = 24


@dataclass(frozen=True, kw_only=True)
class Section:
    """A row with a title, and the panels below it, from left to right and line by line.

    ``collapsed``: Grafana shows the title alone until somebody opens it.
    """

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What is particular to one dashboard.

    Attributes:
        uid: Without the suffix of its language.
        title: Of the dashboard.
        description: Of the dashboard.
        alerts: Matchers of the alerts whose beginning is marked in its charts: few, or the marks
            hide the lines.
        variables: From left to right.
        sections: From top to bottom.
    """

    uid: str
    title: str
    description: str
    alerts: Sequence[str]
    variables: Sequence[VariableModel]
    sections: Sequence[Section]


def dashboard(sheet: Sheet, language: Language) -> Dashboard:
    """The dashboard, complete."""
    return Dashboard(
        uid=sheet.uid + language.uid_suffix,
        title=sheet.title,
        description=f"{sheet.description} {Thresholds.home}",
        tags=[TAG, language_tag(language)],
        timezone="browser",
        editable=False,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(from_val="now-6h", to="now"),
        refresh="30s",
        schema_version=SCHEMA_VERSION,
        panels=placed(sheet.sections),
        templating=DashboardDashboardTemplating(list_val=list(sheet.variables)),
        annotations=AnnotationContainer(list_val=_annotations(sheet, language)),
        links=[_link(language)],
    )


def language_tag(language: Language) -> str:
    """The tag of all dashboards of a language, by which they link to each other."""
    return f"{TAG}-{language.value}"


def placed(sections: Sequence[Section]) -> list[Panel | RowPanel]:
    """Rows and panels with their ids and places; a panel that does not fit begins a new line."""
    found: list[Panel | RowPanel] = []
    y, ids = 0, count(1)
    for section in sections:
        row = RowPanel(
            title=section.title,
            id_val=next(ids),
            collapsed=section.collapsed,
            grid_pos=GridPos(x=0, y=y, w=GRID_COLUMNS, h=1),
            panels=[],
        )
        found.append(row)
        bottom = _filled(section.panels, top=y + 1, ids=ids)
        if section.collapsed:
            row.panels, y = list(section.panels), y + 1
        else:
            found += section.panels
            y = bottom
    return found


def _filled(panels: Sequence[Panel], *, top: int, ids: Iterator[int]) -> int:
    """Place panels line by line from ``top`` on; gives where the next section begins."""
    x, y, bottom = 0, top, top
    for panel in panels:
        size = panel.grid_pos or GridPos()
        if x + size.w > GRID_COLUMNS:
            x, y = 0, bottom
        panel.id_val = next(ids)
        panel.grid_pos = GridPos(x=x, y=y, w=size.w, h=size.h)
        x, bottom = x + size.w, max(bottom, y + size.h)
    return bottom


def _annotations(sheet: Sheet, language: Language) -> list[AnnotationQuery]:
    say = language.say
    since = of("ALERTS_FOR_STATE", JOB, 'alertname=~"Outbound.*"', *sheet.alerts)
    started = of("process_start_time_seconds", JOB)
    return [
        AnnotationQuery(
            name=say("Firing alerts", "正在触发的告警"),
            datasource=DATASOURCE,
            enable=True,
            hide=False,
            icon_color="red",
            # Only where each began: one that lasts for days would colour everything.
            expr=f"{since} * 1000 and ignoring (alertstate) {firing(*sheet.alerts)}",
            use_value_for_time=True,
            title_format="{{alertname}}",
            text_format="{{platform}} {{account}} {{task_name}}",
            tag_keys="severity,area",
            step="1m",
        ),
        AnnotationQuery(
            name=say("Exporter restarts", "exporter 重启"),
            datasource=DATASOURCE,
            enable=True,
            hide=False,
            icon_color="blue",
            expr=f"{started} * 1000",
            title_format=say("Exporter started", "exporter 启动"),
            text_format="{{instance}}",
            tag_keys="job",
            step="1m",
            use_value_for_time=True,
        ),
    ]


def _link(language: Language) -> DashboardLink:
    return DashboardLink(
        title=language.say("Outbound calls", "外呼监控"),
        type_val=DashboardLinkType.DASHBOARDS,
        icon="external link",
        tooltip=language.say("The other dashboards", "其他仪表盘"),
        tags=[language_tag(language)],
        as_dropdown=True,
        include_vars=True,
        keep_time=True,
        target_blank=False,
    )
