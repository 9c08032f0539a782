"""Values of flags, and the flags that tell ``--config.check`` what an account holds."""

import argparse
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.estimate import Mix

_DIGITS: Final = 10


def positive(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS and int(text)):
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def from_zero(text: str) -> int:
    """A whole number from 0."""
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        raise argparse.ArgumentTypeError(f"expected a number from 0, got {text!r}")
    return int(text)


def above_zero(text: str) -> float:
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def add_estimate_flags(parser: argparse.ArgumentParser) -> None:
    """What an account holds, so that its calls can be told."""
    for name, kind, text in (
        ("tasks", positive, "with --config.check: tell the calls of an account with so many tasks"),
        (
            "active",
            from_zero,
            "with --tasks: so many of them are active; one in a hundred if not said",
        ),
        ("idle", from_zero, "with --tasks: so many of them are idle; one in a hundred if not said"),
    ):
        parser.add_argument(f"--{name}", dest=f"mix_{name}", type=kind, metavar="N", help=text)


def mix_of(flags: argparse.Namespace) -> "Mix | None":
    """What the flags say an account holds; None if they say nothing.

    Raises:
        ValueError: They contradict or lack one another.
    """
    for name, needed in (
        ("mix_active", "mix_tasks"),
        ("mix_idle", "mix_tasks"),
        ("mix_tasks", "config_check"),
    ):
        if getattr(flags, name) is not None and not getattr(flags, needed):
            wanted = needed.replace("mix_", "").replace("_", ".")
            raise ValueError(f"--{name.removeprefix('mix_')} needs --{wanted}")
    if flags.mix_tasks is None:
        return None
    # Loads a good part of the exporter, which a usual command line has no need of.
    from exporter.estimate import usual_mix  # noqa: PLC0415

    return usual_mix(flags.mix_tasks, active=flags.mix_active, idle=flags.mix_idle)
