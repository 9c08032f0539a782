"""How values look: unit, bounds, thresholds, words for numbers, and exceptions by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    MatcherConfig,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from tools.dashboards.words import Say, platform_names

Override = DashboardFieldConfigSourceOverrides


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the values of a panel look.

    Attributes:
        unit: An id of Grafana's list.
        no_value: What stands there without data.
        steps: Colours from a value on; the first one without a value. None: no thresholds.
        color: One colour for everything; empty for thresholds if there are any, else a palette.
        palette: A colour for each series although there are steps, which are then lines.
        mappings: Words for numbers.
        low: Smallest value of the axis or bar; None leaves it to the data.
        high: Largest one.
        soft_high: The axis reaches at least this far, so that 0 does not float below 100.
        soft_low: The same downwards, where ``low`` is None.
        decimals: None leaves them to Grafana.
    """

    unit: str
    no_value: str
    steps: Sequence[tuple[float | None, str]] = ()
    color: str = ""
    palette: bool = False
    mappings: Sequence[ValueMapping] = ()
    low: float | None = 0
    high: float | None = None
    soft_high: float | None = None
    soft_low: float | None = None
    decimals: int | None = None

    def config(self, custom: object = None) -> FieldConfig:
        """The field configuration, with what the kind of panel adds."""
        return FieldConfig(
            unit=self.unit,
            decimals=self.decimals,
            min_val=self.low,
            max_val=self.high,
            no_value=self.no_value,
            mappings=list(self.mappings),
            thresholds=thresholds(self.steps or ((None, "blue"),)),
            color=self._color(),
            custom=custom,
        )

    def _color(self) -> FieldColor:
        if self.color:
            return FieldColor(mode=FieldColorModeId.FIXED, fixed_color=self.color)
        if self.steps and not self.palette:
            return FieldColor(mode=FieldColorModeId.THRESHOLDS)
        return FieldColor(mode=FieldColorModeId.PALETTE_CLASSIC)


def thresholds(steps: Sequence[tuple[float | None, str]]) -> ThresholdsConfig:
    """Colours from a value on; the first step has no value."""
    rows = [Threshold(value=value, color=color) for value, color in steps]
    return ThresholdsConfig(mode=ThresholdsMode.ABSOLUTE, steps=rows)


def words(values: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Text and colour for single values."""
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(values.items())
        }
    )


def platform_words(say: Say) -> ValueMap:
    """Names of the vendors in place of the values of the label."""
    return words({key: (name, "text") for key, name in platform_names(say).items()})


def override(matcher: str, name: str, **properties: object) -> Override:
    """An exception for fields; dots in the name of a property are written ``__``."""
    return Override(
        matcher=MatcherConfig(id_val=matcher, options=name),
        properties=[
            DynamicConfigValue(id_val=key.replace("__", "."), value=value)
            for key, value in properties.items()
        ],
    )


def by_name(name: str, **properties: object) -> Override:
    """An exception for the field of a name."""
    return override("byName", name, **properties)


def colored(color: str, *, dashed: bool = False) -> dict[str, object]:
    """Properties of a line: its colour, and dashes where it is only to compare with."""
    style: dict[str, object] = {"custom__lineStyle": {"fill": "dash", "dash": [6, 6]}}
    return {"color": fixed(color), **(style if dashed else {})}


def by_query(ref_id: str, **properties: object) -> Override:
    """An exception for what a query returns."""
    return override("byFrameRefID", ref_id, **properties)


def fixed(color: str) -> dict[str, str]:
    """The value of a ``color`` property."""
    return {"mode": "fixed", "fixedColor": color}


def renamed(names: Mapping[str, str], colors: Mapping[str, str] | None = None) -> list[Override]:
    """Names, and colours if given, for series that are called by the value of a label."""
    colors = colors or {}
    return [
        by_name(value, displayName=name, **({"color": fixed(colors[value])} if colors else {}))
        for value, name in names.items()
    ]
