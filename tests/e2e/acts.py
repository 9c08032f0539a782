"""What a scenario does to the simulated vendors and to the exporters."""

import signal
from collections.abc import Callable, Sequence
from typing import Any

from tests.e2e.field import Exporter, Field

Act = Callable[[Field], None]
Change = tuple[Sequence[str | int], Any]
"""The path of a key in the configuration, and its new value."""


def task(name: str, *, account: str, **pace: Any) -> Act:
    """Make a running campaign, so long that it does not end by itself.

    Args:
        name: Of the campaign.
        account: As the simulator calls it.
        pace: Keys of `set_pace`, over ten calls a second.
    """

    def act(field: Field) -> None:
        vendor = account.partition("-")[0]
        told = {"rate": 10, "lines": 5} | pace
        made = {"vendor": vendor, "account": account, "name": name, "customers": 400_000}
        chosen = {"name": name, "account": account}
        field.simulated.apply(
            [
                {"create": made},
                {"task": chosen, "do": "set_pace", **told},
                {"task": chosen, "do": "open_window"},
                {"task": chosen, "do": "start"},
            ]
        )

    return act


def edit(name: str, *does: str, **keys: Any) -> Act:
    """Change a campaign; `keys` are those of the last of what is done."""

    def act(field: Field) -> None:
        steps = [{"task": name, "do": one} for one in does]
        steps[-1] |= keys
        field.simulated.apply(steps)

    return act


def fault(account: str, kind: str, **keys: Any) -> Act:
    """Make something go wrong at the vendor for one account; its label is the account."""

    def act(field: Field) -> None:
        told = {"kind": kind, "account": account, **keys}
        field.faults[account] = field.simulated.set_fault(told)

    return act


def clear(account: str) -> Act:
    """Lift the fault of an account."""
    return lambda field: field.simulated.clear_fault(field.faults.pop(account))


def access(account: str, **change: Any) -> Act:
    """Change what an account may do."""
    return lambda field: field.simulated.set_access(account=account, **change)


def remove(name: str) -> Act:
    """Take a campaign away."""
    return edit(name, "remove")


def end(exporter: str) -> Act:
    """End an exporter."""
    return lambda field: field.exporters[exporter].end()


def both(*acts: Act) -> Act:
    """Do one after the other."""

    def act(field: Field) -> None:
        for one in acts:
            one(field)

    return act


def restart(exporter: str, *changed: Change) -> Act:
    """Start an exporter again, with its configuration changed."""

    def act(field: Field) -> None:
        running = field.exporters[exporter]
        running.end()
        _change(running, changed)
        running.start()

    return act


def reload(exporter: str, *changed: Change) -> Act:
    """Change the configuration of an exporter and have it read again."""

    def act(field: Field) -> None:
        running = field.exporters[exporter]
        _change(running, changed)
        running.write()
        running.send(signal.SIGHUP)

    return act


def _change(exporter: Exporter, changed: Sequence[Change]) -> None:
    for path, value in changed:
        place: Any = exporter.config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
