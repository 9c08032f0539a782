"""The one thing that clients may ask the process to do: to reload its configuration."""

import pytest

from exporter.config.changes import Difference
from exporter.errors import ConfigError
from exporter.store import Store

PATH = "/-/reload"


async def never():
    raise AssertionError("nobody may reload")


async def test_without_the_flag_a_reload_is_forbidden_and_says_what_allows_it(serve):
    response = await (await serve(Store())).post(PATH)

    assert response.status == 403
    assert "--web.enable-lifecycle" in await response.text()


@pytest.mark.parametrize("reload", [None, never])
@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
async def test_only_post_is_a_way_to_reload(serve, reload, method):
    response = await getattr(await serve(Store(), reload=reload), method)(PATH)

    assert response.status == 405
    assert response.headers["Allow"] == "POST"


async def test_a_reload_is_answered_once_it_is_done_with_what_changed(serve):
    done = []

    async def reload():
        done.append(True)
        return Difference(added=("a",), removed=("b", "c"), changed={"d": ("x",)}, unchanged=("e",))

    response = await (await serve(Store(), reload=reload)).post(PATH, data=b"x" * 100_000)

    assert (response.status, done) == (200, [True])
    assert await response.text() == "Reloaded: 3 accounts; 1 added, 2 removed, 1 changed.\n"


async def test_a_reload_that_fails_is_answered_with_the_reason(serve):
    async def reload():
        raise ConfigError("expected a mapping", path="accounts[0]")

    response = await (await serve(Store(), reload=reload)).post(PATH)

    assert response.status == 500
    assert await response.text() == (
        "The configuration before stays in force: accounts[0]: expected a mapping\n"
    )
