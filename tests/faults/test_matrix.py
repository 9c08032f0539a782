"""Each fault at each vendor in each phase: one account suffers alone, and no lie is told.

A part of the cells is run by default, all of them by ``make faults``; the tables in
``docs/reliability.md`` have to say what was seen.
"""

import functools
from pathlib import Path

import pytest

from tests.faults import _table
from tests.faults._cells import Cell
from tests.faults._crowd import Crowd
from tests.faults._phases import Phase
from tests.faults._rows import PHASES, ROWS, VENDORS, Trouble, expected
from tests.faults._table import FILE

BY_DEFAULT = ("steady state", "during shutdown")
"""The phases of which all but the time-outs and the crowd are run in any case."""
CELLS = [
    (vendor, phase, row)
    for vendor in VENDORS
    for phase in PHASES
    for row in ROWS
    if isinstance(row.at(vendor), Trouble)
]


def pytest_generate_tests(metafunc):
    if "row" not in metafunc.fixturenames:
        return
    whole = metafunc.config.getoption("--whole-matrix", default=False)
    chosen = [
        pytest.param(vendor, phase, row, id=f"{vendor}-{phase}-{row.name}")
        for vendor, phase, row in CELLS
        if whole or is_run_by_default(phase, row)
    ]
    metafunc.parametrize(("vendor", "phase", "row"), chosen)


def is_run_by_default(phase, row):
    return phase in BY_DEFAULT and not row.waits and not row.crowded


def seen_in(vendor, phase, row) -> Cell:
    """What was seen in a cell; those of one run are seen together."""
    found = _crowd(vendor) if row.crowded else _run(vendor, phase, row.waits)
    if isinstance(found, Exception):
        raise found
    return found[row.name, phase]


@functools.cache
def _run(vendor, phase, waits):
    rows = [row for row in ROWS if row.waits is waits and not row.crowded]
    return _cells(Phase(vendor, phase, rows))


@functools.cache
def _crowd(vendor):
    return _cells(Crowd(vendor))


def _cells(work):
    # A run that broke is not made anew for each of its cells.
    try:
        return {(cell.row, cell.phase): cell for cell in work.run()}
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.timeout(1200)
def test_a_fault_costs_its_own_account_its_polls_and_tells_no_lie(vendor, phase, row):
    cell = seen_in(vendor, phase, row)
    assert cell.problems == []
    assert cell.seen == expected(row, vendor, phase)


@pytest.mark.timeout(1800)
def test_the_tables_of_the_page_say_what_was_seen(whole, request):
    seen = {
        (row.name, vendor, phase): seen_in(vendor, phase, row)
        for vendor, phase, row in CELLS
        if whole or is_run_by_default(phase, row)
    }
    page = FILE.read_text(encoding="utf-8")
    if request.config.getoption("--write-matrix", default=False):
        assert whole, "what was not run is not to be written: --whole-matrix"
        FILE.write_text(_table.with_tables(page, seen), encoding="utf-8")
        page = FILE.read_text(encoding="utf-8")
    assert _table.between(page, "matrix") == _table.matrix(seen), "run: make faults"
    assert _table.between(page, "symptoms") == _table.symptoms(seen), "run: make faults"


def test_only_what_a_vendor_does_not_have_is_left_out_there():
    left_out = {
        (row.name, vendor)
        for row in ROWS
        for vendor in VENDORS
        if not isinstance(row.at(vendor), Trouble)
    }
    assert left_out == {("throttling", "dezhu"), ("expired-token", "dezhu")}


def test_every_fault_of_the_page_has_a_cell_for_each_vendor_and_phase():
    lines = _table.between(Path(FILE).read_text(encoding="utf-8"), "matrix").splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert len(cells) == len(ROWS) * len(VENDORS)
    assert {len(line) for line in cells} == {2 + len(PHASES)}
    assert all(text and text != "**failed**" for line in cells for text in line)
