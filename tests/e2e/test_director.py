"""What the director makes of scenarios, without any server."""

import threading

import pytest

from tests.e2e.director import Director
from tests.e2e.scenario import Scenario


def nothing(_field):
    pass


def broken(_field):
    raise RuntimeError("the simulator is gone")


def scenario(alert, spoil=nothing, mend=nothing):
    return Scenario(alert=alert, labels={}, spoil=spoil, mend=mend)


def test_a_scenario_that_breaks_is_told_to_who_waits_for_all_of_them():
    scenarios = [scenario("A", spoil=broken), scenario("B"), scenario("C", mend=broken)]

    with (
        Director(None, (), scenarios) as director,
        pytest.raises(ExceptionGroup, match="scenarios broke: A, C") as caught,
    ):
        director.finish()

    assert [str(error) for error in caught.value.exceptions] == ["the simulator is gone"] * 2


def test_all_others_have_ended_before_one_that_breaks_is_told():
    let_go, mended = threading.Event(), []

    def wait(_field):
        assert let_go.wait(10)

    def let(_field):
        let_go.set()
        raise RuntimeError("the simulator is gone")

    late = scenario("B", spoil=wait, mend=mended.append)
    with Director(None, (), [scenario("A", spoil=let), late]) as director:
        with pytest.raises(ExceptionGroup, match="scenarios broke: A"):
            director.finish()
        assert mended == [None]


def test_nothing_is_told_where_none_breaks():
    with Director(None, (), [scenario("A"), scenario("B")]) as director:
        director.finish()
