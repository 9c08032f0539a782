"""Scenarios: what happens to which campaign when, and which faults come and go.

A scenario is YAML (or the same as Python values): a list of steps, or a mapping with ``name`` and
``steps``. ``at`` counts seconds of simulated time from when the scenario is applied. A step does
one of these things:

.. code-block:: yaml

    - {at: 0, task: stuck-campaign, do: pause}            # a name, * and ? allowed
    - {at: 5, task: {vendor: dezhu, status: running, first: 3}, do: stall}
    - {at: 10, task: growing-list, do: append, customers: 500}
    - {at: 15, create: {vendor: dezhu, name: late-campaign, customers: 200}}
    - {at: 20, fault: {kind: code, vendor: dezhu, code: "20001"}, for: 60, label: outage}
    - {at: 50, clear: outage}                             # a label, or "all"

``do`` and its further keys are those of ``Edit``; ``fault`` those of ``Fault``; a selector under
``task`` those of ``Selector``. ``for`` lifts the fault after so many seconds. A step whose task
does not exist when its time comes does nothing and is noted in ``world.missed``.
"""

from functools import partial
from typing import Any, Final

import msgspec
import yaml

from exporter.simulator.agenda import Action
from exporter.simulator.campaign import Vendor
from exporter.simulator.edits import Edit
from exporter.simulator.faults import Fault, FaultBook
from exporter.simulator.world import Selector, World

_EDIT_KEYS: Final = frozenset(Edit.__struct_fields__)


class ScenarioError(ValueError):
    """A scenario is not of the agreed form; the message names the step."""


class NewTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task to be made; the first account and scope of the vendor if left out."""

    vendor: Vendor
    account: str | None = None
    scope: str | None = None
    name: str = ""
    customers: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step; exactly one of ``edit``, ``create``, ``fault`` and ``clear`` is there."""

    at: float
    task: Selector | None = None
    edit: Edit | None = None
    create: NewTask | None = None
    fault: Fault | None = None
    lasts: float | None = None
    label: str = ""
    clear: str = ""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in any order."""

    name: str = ""
    steps: tuple[Step, ...] = ()


def read_scenario(source: Any) -> Scenario:
    """Return a scenario from YAML text or from the same as Python values.

    Raises:
        ScenarioError: It is not of the agreed form.
    """
    if isinstance(source, Scenario):
        return source
    if isinstance(source, str):
        try:
            source = yaml.safe_load(source)
        except yaml.YAMLError as error:
            raise ScenarioError(f"not YAML: {error}") from error
    if isinstance(source, dict):
        unknown = source.keys() - {"name", "steps"}
        if unknown:
            raise ScenarioError(f"unknown keys {sorted(unknown)}; known: name, steps")
        name, steps = str(source.get("name", "")), source.get("steps")
    else:
        name, steps = "", source
    if not isinstance(steps, list):
        raise ScenarioError("expected a list of steps")
    return Scenario(name=name, steps=tuple(_step(n, one) for n, one in enumerate(steps)))


def _step(number: int, raw: Any) -> Step:
    if not isinstance(raw, dict):
        raise ScenarioError(f"step {number}: expected a mapping")
    try:
        return _converted(dict(raw))
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise ScenarioError(f"step {number}: {error}") from error


def _converted(raw: dict[str, Any]) -> Step:
    kinds = [key for key in ("do", "create", "fault", "clear") if key in raw]
    if len(kinds) != 1:
        raise ValueError("expected exactly one of do, create, fault, clear")
    if kinds[0] == "do":
        task = raw.pop("task", None)
        if task is None:
            raise ValueError("do needs a task")
        selector = Selector(name=task) if isinstance(task, str) else _into(task, Selector)
        edit = {key: raw.pop(key) for key in list(raw) if key in _EDIT_KEYS}
        raw |= {"task": selector, "edit": _into(edit, Edit)}
    known = {"at", "task", "edit", "create", "fault", "for", "label", "clear"}
    if raw.keys() - known:
        raise ValueError(f"unknown keys {sorted(raw.keys() - known)}")
    lasts = raw.get("for")
    return Step(
        at=_into(raw.get("at", 0), float),
        task=raw.get("task"),
        edit=raw.get("edit"),
        create=_into(raw["create"], NewTask) if "create" in raw else None,
        fault=_into(raw["fault"], Fault) if "fault" in raw else None,
        lasts=None if lasts is None else _into(lasts, float),
        label=str(raw.get("label", "")),
        clear=str(raw.get("clear", "")),
    )


def _into(value: Any, kind: type[Any]) -> Any:
    return msgspec.convert(value, kind)


def apply_scenario(scenario: Scenario, world: World, faults: FaultBook) -> None:
    """Put the steps on the world's agenda; those due at once happen before this returns.

    Raises:
        ScenarioError: A step makes a task where there is no place for it.
    """
    labels: dict[str, str] = {}
    for step in scenario.steps:
        world.agenda.add(world.now + step.at, _action(step, world, faults, labels))
    world.advance(0)


def _action(step: Step, world: World, faults: FaultBook, labels: dict[str, str]) -> Action:
    if step.edit is not None and step.task is not None:
        return partial(_edit, world, step.task, step.edit)
    if step.create is not None:
        return _creation(world, step.create)
    if step.fault is not None:
        return partial(_set_fault, step, step.fault, world, faults, labels)
    return partial(_clear, step.clear, faults, labels)


def _edit(world: World, selector: Selector, edit: Edit, _time: float) -> None:
    if not world.edit(selector, edit):
        world.missed.append(f"{edit.do}: nothing matches {selector}")


def _creation(world: World, new: NewTask) -> Action:
    for place in world.places():
        fits = (new.account in {None, place.account}, new.scope in {None, place.scope})
        if place.vendor == new.vendor and all(fits):
            return lambda _time: world.add_newcomer(place, new.name, new.customers)
    raise ScenarioError(f"no place for a task: {new}")


def _set_fault(
    step: Step,
    fault: Fault,
    world: World,
    faults: FaultBook,
    labels: dict[str, str],
    _time: float,
) -> None:
    identity = faults.set(fault)
    if step.label:
        labels[step.label] = identity
    if step.lasts is not None:
        world.agenda.add(world.now + step.lasts, lambda _time: _lift(identity, faults))


def _clear(label: str, faults: FaultBook, labels: dict[str, str], _time: float) -> None:
    if label == "all":
        faults.clear()
    elif label in labels:
        _lift(labels[label], faults)


def _lift(identity: str, faults: FaultBook) -> None:
    if faults.holds(identity):
        faults.clear(identity)
