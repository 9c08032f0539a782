"""Whether a soak was one: what has to have happened in the time that was simulated."""

from collections.abc import Mapping

LEAST_AN_HOUR = {"polls": 120, "scrapes": 120, "judged": 10_000}
"""Two accounts are always there, and each reads its active tier once a minute; a scrape is compared
every 30 s. A week has six times as many calls, and ten times as many values."""
LEAST_SHARE = 0.5
"""Of the troubles and reloads to be expected, which chance deals out."""
ENOUGH_TO_DRAW_ALL = 160
"""Of so many that are drawn, each kind is one all but certainly."""
LEAST_DRAWS = 8
"""Of fewer, one kind for so many."""


def lacking(
    counts: Mapping[str, float],
    *,
    seconds: float,
    expected: Mapping[str, float],
    kinds: Mapping[str, tuple[int, str]],
) -> list[str]:
    """What there was too little of; nothing at all is always too little.

    Args:
        counts: How much there was of everything.
        seconds: Simulated time.
        expected: How many of some there should have been, on the average.
        kinds: Names in ``counts`` of kinds, how many kinds there are, and the name of what they
            are of.
    """
    least = {name: each * seconds / 3600 for name, each in LEAST_AN_HOUR.items()}
    least |= {name: LEAST_SHARE * count for name, count in expected.items()}
    for name, (many, of) in kinds.items():
        least[name] = (
            many if counts[of] >= ENOUGH_TO_DRAW_ALL else min(many, counts[of] / LEAST_DRAWS)
        )
    least |= {"aborted": 1, "exposed": 1}
    return [
        f"only {counts[name]} {name}, at least {at_least} are to be expected"
        for name, at_least in ((name, max(1, round(most))) for name, most in least.items())
        if counts[name] < at_least
    ]
