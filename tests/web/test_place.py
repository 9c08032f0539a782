"""The external URL and the prefix of the routes, as Prometheus means them."""

import re

import pytest

from exporter.errors import ConfigError
from exporter.web import Place, place_of
from tests.web.making import two_accounts


@pytest.mark.parametrize(
    ("external_url", "route_prefix", "prefix", "links"),
    [
        (None, None, "", ""),
        ("", None, "", ""),
        ("", "/", "", ""),
        ("", "", "", ""),
        ("", "/outbound/", "/outbound", ""),
        ("", "a/b", "/a/b", ""),
        ("https://example.com", None, "", "/"),
        ("https://example.com/", None, "", "/"),
        ("https://example.com/outbound/", None, "/outbound", "/outbound/"),
        ("http://example.com:8080/a/b", None, "/a/b", "/a/b/"),
        ("https://example.com/outbound/", "/", "", "/outbound/"),
        ("https://example.com/outbound/", "/inner", "/inner", "/outbound/"),
        ("https://[::1]:9/a", None, "/a", "/a/"),
    ],
)
def test_the_prefix_is_the_path_of_the_url_unless_it_is_given(
    external_url, route_prefix, prefix, links
):
    place = place_of(external_url=external_url, route_prefix=route_prefix)

    assert place == Place(prefix=prefix, links=links)


@pytest.mark.parametrize(
    "url",
    [
        *("example.com", "/outbound", "ftp://example.com/", "https://", "https:///a", "https://[a"),
        *("https://user:s3cr3t@example.com/", "https://example.com/?a=b", "https://example.com/#a"),
        *("https://example.com:99999/", "https://example.com:0/", "'https://example.com/'"),
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ConfigError, match=r"--web\.external-url: expected the http") as caught:
        place_of(external_url=url, route_prefix=None)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["/a b", "/{name}", "/a//b", "/../a", "/a/.", "/a?b", "/%41"])
def test_what_no_route_can_begin_with_is_refused(prefix):
    with pytest.raises(ConfigError, match=r"--web\.route-prefix: expected a path"):
        place_of(external_url="", route_prefix=prefix)
    with pytest.raises(ConfigError, match=r"--web\.external-url"):
        place_of(external_url=f"https://example.com{prefix}", route_prefix=None)


async def test_every_route_is_below_the_prefix_and_the_root_leads_to_it(serve):
    place = place_of(external_url="https://example.com/outbound", route_prefix=None)
    client = await serve(await two_accounts(), place=place)

    for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/config"):
        async with client.get(f"/outbound{path}") as response:
            assert response.status == 200
        if path != "/":
            async with client.get(path) as response:
                assert response.status == 404
    for path in ("/", "/outbound"):
        async with client.get(path, allow_redirects=False) as response:
            assert response.status == 302
            assert response.headers["Location"] == "/outbound/"


async def links(client, path):
    async with client.get(path, headers={"Accept-Encoding": "identity"}) as response:
        found = re.findall(r'href="([^"]*)"', await response.text())
    return [link for link in found if not link.startswith(("#", "data:"))]


async def test_links_of_the_page_are_below_the_external_url(serve):
    place = place_of(external_url="https://example.com/seen/", route_prefix="/inner")
    client = await serve(await two_accounts(), place=place)

    found = await links(client, "/inner/")

    assert {"/seen/metrics", "/seen/-/healthy", "/seen/-/ready", "/seen/config"} <= set(found)
    assert "/seen/metrics?account=west" in found
    assert all(link.startswith("/seen/") for link in found)


@pytest.mark.parametrize("prefix", [None, "/outbound"])
async def test_links_of_the_page_hold_without_an_external_url(serve, prefix):
    place = place_of(external_url="", route_prefix=prefix)
    client = await serve(await two_accounts(), place=place)

    for link in await links(client, f"{prefix or ''}/"):
        async with client.get(f"{prefix or ''}/{link}") as response:
            assert response.status == 200
