"""One cell of the matrix, and what is looked at to fill it."""

from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from tests.faults._rig import Rig
from tests.faults._truth import is_of_tasks


@dataclass
class Cell:
    """What was seen of one fault at one vendor in one phase."""

    row: str
    vendor: str
    phase: str
    seen: str = ""
    reason: str = ""
    codes: tuple[str, ...] = ()
    series: str = ""
    problems: list[str] = field(default_factory=list)

    def expect(self, condition: object, problem: str) -> None:
        if not condition:
            self.problems.append(problem)


def what_became(good: set[str], shown: set[str]) -> str:
    """What has become of the series of an account."""
    if shown == good:
        return "kept"
    same = {line.rpartition(" ")[0] for line in good} == {line.rpartition(" ")[0] for line in shown}
    return "read on" if same else "some gone" if shown else "gone"


async def measured(drive: Rig) -> dict[str, list]:
    """A whole scrape, and what it says of the accounts: the tasks are held against the truth."""
    status, text = await drive.world.get("/metrics")
    assert status == 200
    wanted = ("outbound_account_", "outbound_exporter_api_failures_total")
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    shown = [line for line in text.splitlines() if is_of_tasks(line)]
    assert len(shown) == len(set(shown)), "a line is there twice"
    assert set(shown) == drive.watch.scraped(), "a scrape has other lines than were looked at"
    found: dict[str, list] = {}
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def some(lines) -> list[str]:
    return sorted(lines)[:3]
