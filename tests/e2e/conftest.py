"""One proof for all tests: every scenario that was chosen, side by side, seen by every version."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.director import Director
from tests.e2e.field import open_field
from tests.e2e.jobs import JOBS
from tests.e2e.stacks import Stack, stack
from tests.e2e.trust import TRUST
from tests.servers.versions import VERSIONS, Version

SCENARIOS = (*JOBS, *TRUST)
TOLD = pytest.StashKey[list[str]]()
"""Lines for the end of the log."""


@dataclass(frozen=True)
class Proof:
    """What the tests ask."""

    stacks: Mapping[Version, Stack]
    director: Director


def pytest_configure(config):
    config.stash[TOLD] = []


def pytest_terminal_summary(terminalreporter, config):
    """Say with which versions this was proved, and how long each alert took."""
    if config.stash[TOLD]:
        terminalreporter.section("scenario proof")
        for line in config.stash[TOLD]:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def told(request) -> list[str]:
    return request.config.stash[TOLD]


@pytest.fixture(scope="session")
def proof(request, told, tmp_path_factory) -> Iterator[Proof]:
    """Start everything that the chosen tests need, and let all scenarios begin."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    named = {params["scenario"].name for params in chosen if "scenario" in params}
    scenarios = [one for one in SCENARIOS if one.name in named or not named]
    folder = tmp_path_factory.mktemp("e2e")
    with ExitStack() as opened:
        field = opened.enter_context(open_field(folder))
        targets = {name: exporter.address for name, exporter in field.exporters.items()}
        stacks = {}
        for version in _versions(chosen):
            told.append(f"{version}: {version.described()}")
            running = stack(version, targets, folder / version.name)
            stacks[version] = opened.enter_context(running)
        director = opened.enter_context(Director(field, tuple(stacks.values()), scenarios))
        yield Proof(stacks, director)


def _versions(chosen: Sequence[Mapping[str, Any]]) -> list[Version]:
    """Those among the chosen tests that are not skipped."""
    wanted = {params.get("version") for params in chosen}
    return [
        value.values[0]
        for value in VERSIONS
        if value.values[0] in wanted and not value.values[0].absent()
    ]
