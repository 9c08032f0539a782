"""A soak that did or judged too little is not one."""

import pytest

from tests.soak.enough import lacking

EXPECTED = {"troubles": 60.0, "reloads": 180.0}
KINDS = {"kinds": (28, "troubles"), "changes": (8, "reloads")}
A_DAY = {
    "polls": 19_000,
    "scrapes": 6_000,
    "judged": 2_000_000,
    "troubles": 124,
    "reloads": 198,
    "kinds": 28,
    "changes": 8,
    "aborted": 700,
    "exposed": 100,
}


def found(counts, seconds=86_400.0):
    return lacking(counts, seconds=seconds, expected=EXPECTED, kinds=KINDS)


def test_a_day_in_which_everything_happened_lacks_nothing():
    assert found(A_DAY) == []


@pytest.mark.parametrize("name", A_DAY)
def test_each_thing_that_did_not_happen_is_named(name):
    (line,) = found({**A_DAY, name: 0})

    assert line.startswith(f"only 0 {name},")


@pytest.mark.parametrize(
    ("name", "few"),
    [("judged", 200_000), ("polls", 2_000), ("scrapes", 2_000), ("troubles", 25), ("reloads", 80)],
)
def test_what_happened_for_a_part_of_the_time_is_named(name, few):
    assert [line.split()[2].strip(",") for line in found({**A_DAY, name: few})] == [name]


def test_a_kind_that_never_came_up_in_many_is_named():
    assert found({**A_DAY, "changes": 7})
    assert found({**A_DAY, "troubles": 200, "kinds": 27})


def test_a_soak_of_no_time_lacks_everything():
    lines = lacking(
        dict.fromkeys(A_DAY, 0),
        seconds=0.0,
        expected={"troubles": 0.0, "reloads": 0.0},
        kinds=KINDS,
    )

    assert len(lines) == len(A_DAY)
