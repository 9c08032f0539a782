"""The tables of ``docs/reliability.md``, made of what was seen."""

from collections.abc import Mapping
from pathlib import Path

from tests.faults._cells import Cell
from tests.faults._rows import PHASES, ROWS, VENDORS, Row, Trouble, expected

FILE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- {} begins: written by make faults -->", "<!-- {} ends -->"
_NAMES = {"dezhu": "Dezhu", "aliyun": "Alibaba"}
_BACK = {
    "": "at once",
    "unavailable": "next try",
    "rate_limited": "next try",
    "auth": "within 5 minutes",
    "clock": "next poll",
    "protocol": "next poll",
}
Seen = Mapping[tuple[str, str, str], Cell]
"""Cells by row, vendor and phase; those that were not run say what they have to."""


def text_of(seen: Seen, row: Row, vendor: str, phase: str) -> str:
    """One cell of the matrix."""
    cell = seen.get((row.name, vendor, phase))
    if cell is None:
        return expected(row, vendor, phase)
    return "**failed**" if cell.problems else cell.seen


def matrix(seen: Seen) -> str:
    """A line for each fault and vendor, a column for each phase."""
    lines = [
        [row.title, _NAMES[vendor], *(text_of(seen, row, vendor, phase) for phase in PHASES)]
        for row in ROWS
        for vendor in VENDORS
    ]
    return _table(["Fault", "Vendor", *PHASES], lines)


def symptoms(seen: Seen) -> str:
    """A line for each fault: what is told while it lasts."""
    lines = []
    for row in ROWS:
        told = {vendor: _told(seen, row, vendor) for vendor in VENDORS}
        if told["dezhu"] == told["aliyun"]:
            told = {"both": told["dezhu"]}
        lines += [
            [row.title, _NAMES.get(vendor, vendor), *cells]
            for vendor, cells in told.items()
            if cells
        ]
    return _table(["Fault", "Vendor", "`up`", "reason", "code", "series", "well again"], lines)


def _told(seen: Seen, row: Row, vendor: str) -> list[str]:
    made = row.at(vendor)
    if not isinstance(made, Trouble):
        return []
    cell = seen.get((row.name, vendor, "steady state"))
    if cell is None or row.crowded:
        up, reason, codes, series = f"{made.up:d}", made.reason, made.codes, made.series
    else:
        up, reason, codes, series = cell.seen[:1], cell.reason, cell.codes, cell.series
    return [
        up,
        f"`{reason}`" if reason else "",
        ", ".join(f"`{code}`" for code in sorted(codes)),
        series,
        _BACK[reason],
    ]


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def between(text: str, name: str) -> str:
    """The table of a name in the page.

    Raises:
        ValueError: It has no such table.
    """
    _, _, rest = text.partition(BEGIN.format(name) + "\n\n")
    table, found, _ = rest.partition("\n" + END.format(name))
    if not found:
        raise ValueError(f"{FILE.name} has no table {name}")
    return table


def with_tables(text: str, seen: Seen) -> str:
    """The page with both tables as they were seen.

    Raises:
        ValueError: It has no place for one of them.
    """
    for name, made in (("symptoms", symptoms(seen)), ("matrix", matrix(seen))):
        head, begin, rest = text.partition(BEGIN.format(name) + "\n\n")
        _, end, tail = rest.partition("\n" + END.format(name))
        if not end:
            raise ValueError(f"{FILE.name} has no table {name}")
        text = head + begin + made + end + tail
    return text
