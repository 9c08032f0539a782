"""The four kinds of panels, each with what the SDK leaves empty filled in.

A panel has its width and height; where it stands and its id come from ``board``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.models import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    FieldConfigSource,
    GridPos,
    Panel,
)
from grafana_foundation_sdk.models.prometheus import Dataquery, PromQueryFormat

from tools.dashboards.fields import Look, Override

# Enough for half a page, and a fraction of the work where ten thousand tasks are added up.
_MOST_POINTS: Final = 300
_LONE_FILL: Final = 10
DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")


@dataclass(frozen=True, kw_only=True)
class Query:
    """One target. ``instant``: only the newest value; a range otherwise."""

    expr: str
    legend: str = ""
    instant: bool = True


@dataclass(frozen=True, kw_only=True)
class Face:
    """What every panel has: words, size in grid units, queries."""

    title: str
    description: str
    size: tuple[int, int]
    queries: Sequence[Query]
    look: Look
    overrides: Sequence[Override] = ()


def stats(
    face: Face, *, name_only: bool = False, graph: bool = False, listed: bool = False
) -> Panel:
    """Large figures.

    Args:
        face: One figure for each series.
        name_only: Show the name of the series in place of its value.
        graph: Show the values over time behind it, from range queries.
        listed: One below the other, name and value in a line.
    """
    names = len(face.queries) > 1
    shown = common.BigValueTextMode.VALUE_AND_NAME if names else common.BigValueTextMode.AUTO
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        text_mode=common.BigValueTextMode.NAME if name_only else shown,
        reduce_options=_last(),
        orientation=common.VizOrientation.HORIZONTAL if listed else common.VizOrientation.AUTO,
        text=common.VizTextDisplayOptions(title_size=14, value_size=28 if listed else 24)
        if names
        else None,
    )
    return _panel(face, kind="stat", options=options)


def bars(face: Face) -> Panel:
    """Horizontal bars, one a series in the order of the answer, from instant queries."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        # To the left of the bars, long names would be cut.
        name_placement=common.BarGaugeNamePlacement.TOP,
        # The track would go on below the value, so that 100 % did not reach its end.
        show_unfilled=False,
        sizing=common.BarGaugeSizing.MANUAL,
        min_viz_height=16,
        max_viz_height=44,
        legend=common.VizLegendOptions(
            show_legend=False,
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            calcs=[],
        ),
        reduce_options=_last(),
        text=common.VizTextDisplayOptions(title_size=12, value_size=16),
        orientation=common.VizOrientation.HORIZONTAL,
    )
    return _panel(face, kind="bargauge", options=options)


def lines(face: Face, *, stacked: bool = False, steps: bool = False, beside: bool = False) -> Panel:
    """Values over time, with the last and the highest one of each series in the legend.

    Args:
        face: One line for each series.
        stacked: One upon the other.
        steps: A value holds until the next one.
        beside: The legend stands to the right, where there is room for many series.
    """
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            show_legend=True,
            display_mode=common.LegendDisplayMode.TABLE,
            placement=common.LegendPlacement.RIGHT if beside else common.LegendPlacement.BOTTOM,
            calcs=["lastNotNull", "max"],
        ),
        tooltip=common.VizTooltipOptions(
            mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING
        ),
    )
    panel = _panel(
        face, kind="timeseries", options=options, custom=_drawn(face, stacked=stacked, steps=steps)
    )
    panel.max_data_points = _MOST_POINTS
    return panel


def rows(face: Face, *, columns: Sequence[str], sort_by: str = "", most: int = 500) -> Panel:
    """A table that merges instant queries by the labels that they share.

    Args:
        face: Its queries are ``Value #A`` and so on among the columns.
        columns: Which columns, in which order; the others are hidden.
        sort_by: Title of the column that is sorted by; without one the order of the answer stays.
        most: Rows above this many are left out.
    """
    options = table.Options(
        show_header=True,
        cell_height=common.TableCellHeight.SM,
        sort_by=[common.TableSortByFieldState(display_name=sort_by, desc=True)] if sort_by else [],
        footer=common.TableFooterOptions(show=False, reducer=[], count_rows=False),
    )
    custom = common.TableFieldOptions(
        align=common.FieldTextAlignment.AUTO,
        cell_options=common.TableAutoCellOptions(),
        inspect=False,
        min_width=60,
    )
    panel = _panel(face, kind="table", options=options, custom=custom)
    panel.transformations = [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(
            id_val="filterFieldsByName", options={"include": {"names": list(columns)}}
        ),
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {},
                "indexByName": {name: place for place, name in enumerate(columns)},
                "renameByName": {},
            },
        ),
        DataTransformerConfig(id_val="limit", options={"limitField": most}),
    ]
    return panel


def _panel(face: Face, *, kind: str, options: object, custom: object = None) -> Panel:
    width, height = face.size
    return Panel(
        type_val=kind,
        title=face.title,
        description=face.description,
        datasource=DATASOURCE,
        grid_pos=GridPos(w=width, h=height),
        targets=[
            _target(query, ref_id=letter, kind=kind)
            for letter, query in zip(ascii_uppercase, face.queries, strict=False)
        ],
        options=options,
        field_config=FieldConfigSource(
            defaults=face.look.config(custom), overrides=list(face.overrides)
        ),
    )


def _drawn(face: Face, *, stacked: bool, steps: bool) -> timeseries.FieldConfig:
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    return timeseries.FieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=1 if stacked else 2,
        line_interpolation=(
            common.LineInterpolation.STEP_AFTER if steps else common.LineInterpolation.LINEAR
        ),
        # Several fills upon each other are mud.
        fill_opacity=35 if stacked else _LONE_FILL if _is_alone(face) else 0,
        show_points=common.VisibilityMode.NEVER,
        stacking=common.StackingConfig(mode=stacking, group="A"),
        thresholds_style=common.GraphThresholdsStyleConfig(
            mode=common.GraphThresholdsStyleMode.DASHED
            if face.look.steps
            else common.GraphThresholdsStyleMode.OFF
        ),
        axis_placement=common.AxisPlacement.AUTO,
        axis_soft_max=face.look.soft_high,
        axis_soft_min=face.look.soft_low,
        span_nulls=False,
    )


def _is_alone(face: Face) -> bool:
    """Whether there will be one line, for a name without a template is that of one series."""
    return len(face.queries) == 1 and "{{" not in face.queries[0].legend


def _target(query: Query, *, ref_id: str, kind: str) -> Dataquery:
    instant = query.instant and kind != "timeseries"
    tabular = kind == "table"
    return Dataquery(
        datasource=DATASOURCE,
        ref_id=ref_id,
        expr=query.expr,
        legend_format=query.legend or "__auto",
        instant=instant,
        range_val=not instant,
        format_val=PromQueryFormat.TABLE if tabular else PromQueryFormat.TIME_SERIES,
    )


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions(calcs=["lastNotNull"], fields="", values=False)
