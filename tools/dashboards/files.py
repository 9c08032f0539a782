"""The dashboards as files."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards.board import Sheet, dashboard
from tools.dashboards.exporter import exporter
from tools.dashboards.overview import overview
from tools.dashboards.task import task
from tools.dashboards.words import Language, Say
from tools.thresholds import Thresholds

FOLDER: Final = Path("grafana/dashboards")

_SHEETS: Final[Mapping[str, Callable[[Say, Thresholds], Sheet]]] = {
    "overview": overview,
    "task": task,
    "exporter": exporter,
}


def dashboard_files(thresholds: Thresholds) -> Mapping[str, str]:
    """JSON by path below ``grafana/dashboards``."""
    return {
        f"{language.value}/{name}.json": _text(make(language.say, thresholds), language)
        for language in Language
        for name, make in _SHEETS.items()
    }


def _text(sheet: Sheet, language: Language) -> str:
    encoded = json.dumps(dashboard(sheet, language), cls=JSONEncoder)
    plain = json.loads(encoded, object_hook=_without_menu)
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def _without_menu(node: dict[str, Any]) -> dict[str, Any]:
    """Links and annotations in sight: the SDK puts all of them into a menu and offers no choice."""
    return {key: value for key, value in node.items() if value != "inControlsMenu"}
