import pytest

from exporter.errors import ConfigError
from exporter.store import Store
from tests.web.making import a_site, put, two_accounts, view


async def test_a_living_process_is_healthy(serve):
    response = await (await serve(Store(), ready=lambda: False)).get("/-/healthy")
    assert (response.status, await response.text()) == (200, "ok")


async def test_readiness_names_the_accounts_it_waits_for(serve):
    store = await two_accounts()
    put(store, view("nord-süd", up=None))
    ready = [False]
    client = await serve(store, ready=lambda: ready[0])
    response = await client.get("/-/ready")
    text = await response.text()
    assert response.status == 503
    assert r"first poll of active tasks of each account to end: 'nord-s\xfcd'." in text
    assert "east" not in text
    ready[0] = True
    assert (await client.get("/-/ready")).status == 200


async def test_readiness_without_any_account_is_a_sentence_too(serve):
    response = await (await serve(Store(), ready=lambda: False)).get("/-/ready")
    assert (await response.text()).endswith("to end.\n")


@pytest.mark.parametrize("path", ["/favicon.ico", "/metrics/", "/-/", "/%3Cscript%3E", "/../etc"])
async def test_unknown_paths_are_answered_with_those_that_exist(serve, path):
    response = await (await serve(Store(), telemetry_path="/m")).get(path)
    assert response.status == 404
    assert response.content_type == "text/plain"
    paths = "/, /-/healthy, /-/ready, /-/reload, /config, /m"
    assert await response.text() == f"Not found. There is: {paths}\n"


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/no"])
async def test_no_answer_tells_versions(serve, path):
    response = await (await serve(Store())).get(path)
    assert response.headers["Server"] == "outbound-exporter"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("", "metrics", "/", "//", "/-/", "/-/ready", "/config"),
        *("/{x}", "/a b", "/m?x", "/a//b", "/./a", "/a/.."),
    ],
)
async def test_paths_that_cannot_be_served_are_a_configuration_error(path):
    with pytest.raises(ConfigError, match="cannot be the path of the metrics"):
        await a_site(Store(), telemetry_path=path)


@pytest.mark.parametrize("path", ["/metrics/", "/deep/.m-e_t~1"])
async def test_a_path_may_be_deep_and_end_with_a_slash(serve, path):
    client = await serve(Store(), telemetry_path=path)

    async with client.get(path) as response:
        assert response.status == 200
