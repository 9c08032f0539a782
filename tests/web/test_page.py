import asyncio
import base64
import gzip
import hashlib
import re
import threading
from html.parser import HTMLParser

import pytest

from exporter import __version__
from exporter.domain import Scope, Status
from exporter.sharding import Shard
from exporter.store import AccountView, Store
from exporter.web import page as page_module
from tests.web.making import NOW, a_site, failure, put, state, task, two_accounts, view


class Outline(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.pairs = []
        self.words = []
        self.styles = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in {"p", "li", "th", "td", "h2", "span", "a"}:
            self.words.append(" ")
        self.pairs.extend(attrs)

    def handle_data(self, data):
        (self.styles if self.tags[-1:] == ["style"] and not self.styles else self.words).append(
            data
        )

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words)).strip()


@pytest.fixture
def shown(serve):
    """The page of some accounts."""

    async def show(*views, **changes):
        store = Store()
        for one in views:
            put(store, one)
        await store.publish()
        return await (await (await serve(store, **changes)).get("/")).text()

    return show


async def test_names_and_messages_are_escaped(shown):
    evil = '<script>alert("1")</script>'
    page = await shown(
        view(
            f"a{evil}&'",
            up=False,
            tasks=(task(1, evil),),
            failures=(failure(evil, where=evil),),
        )
    )
    outline = Outline(page)
    assert "script" not in outline.tags
    assert outline.text.count(evil) >= 4
    assert not [name for name, _ in outline.pairs if name.startswith("on") or name == "style"]


async def test_a_shard_says_which_one_it_is(shown):
    sharded = Outline(await shown(view("a"), shard=Shard(number=1, total=3)))
    alone = Outline(await shown(view("a")))
    assert "shard 1 of 3, counted from 0 · 1 account" in sharded.text
    assert "shard" not in alone.text


async def test_a_shard_without_an_account_says_so(shown):
    page = Outline(await shown(shard=Shard(number=1, total=3)))
    assert "No account belongs to this shard" in page.text
    assert "No accounts yet" not in page.text


async def test_the_engine_of_the_page_is_loaded_at_the_first_look_off_the_loop(shown):
    page_module._template.cache_clear()
    page = await shown(view("a"))
    assert page_module._template.cache_info().misses == 1
    assert "outbound-exporter" in Outline(page).text


async def test_mobile_numbers_in_names_are_masked(shown):
    page = await shown(
        view("desk 13912345678", tasks=(task(1, "回访 13812345678 二批"),)),
        view("b", failures=(failure("about 13700001111", where="13712345678"),)),
    )
    assert "138********" in page
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", Outline(page).text)


async def test_the_page_loads_nothing_and_runs_nothing(shown):
    outline = Outline(await shown(view("a", tasks=(task(1),))))
    assert not {"script", "img", "iframe", "object", "form"} & set(outline.tags)
    links = [value for name, value in outline.pairs if name in {"href", "src", "action"}]
    assert all(re.match(r"data:|#|metrics|config|-/", link) for link in links)
    assert ("lang", "en") in outline.pairs
    assert ("content", "30") in outline.pairs


async def test_headers_allow_the_one_style_and_nothing_else(serve):
    response = await (await serve(await two_accounts())).get("/")
    (style,) = Outline(await response.text()).styles
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_an_account_tells_how_it_fares(shown):
    page = await shown(
        view(
            "bots",
            up=False,
            failures=(failure("the key is not known"),),
            dropped={"aged": 1200, "limit": 0},
            tasks=(task(7, "Renewals"),),
            scopes_up=((Scope("i-1", "East"), True), (Scope("i-2", "West"), False)),
            collectors_up=(("detail", True), ("agents", False)),
            details_outstanding=12,
            unclassified=1,
            credential_expiry=NOW + 2700,
            clock_offset=-42.0,
        )
    )
    text = Outline(page).text
    for words in (
        f"outbound-exporter {__version__}",
        "1 account · 1 down · 1 task",
        "bots dezhu down",
        "auth in active: the key is not known",
        "since 2027-01-15T07:56:00Z, 4 min ago",
        "finished 2 h ago 1 h 30 min",
        "running 1",
        "Dropped: 1,200 tasks (1,200 aged)",
        "Instances up: 1 of 2",
        "Collectors: detail up, agents down",
        "Details outstanding: 12",
        "In no status that is known: 1 task",
        "Credentials expire: in 45 min (2027-01-15T08:45:00Z)",
        "The vendor's clock is 42 s behind ours",
        "Renewals 7 running 25.0 % 250 of 1,000 100",
    ):
        assert words in text


async def test_only_statuses_that_occur_have_a_chip(shown):
    counts = dict.fromkeys(Status, 0) | {Status.NOT_STARTED: 1234}
    text = Outline(await shown(AccountView("a", "dezhu", state(tasks=counts)))).text
    assert "1,234 tasks not started 1,234" in text
    assert "expired" not in text


async def test_accounts_with_trouble_come_first(shown):
    page = await shown(view("fine"), view("fresh", up=None), view("broken", up=False))
    order = re.findall(r'<h2 id="name-\d+"><bdi>(\w+)', page)
    assert order == ["broken", "fresh", "fine"]
    assert "3 accounts · 1 up · 1 down · 1 not polled yet" in Outline(page).text


async def test_no_more_than_fifty_tasks_are_shown_and_the_rest_is_counted(shown):
    page = await shown(view("a", tasks=tuple(task(n) for n in range(60)), running=2000))
    assert page.count('role="rowheader"') == 50
    assert "and 1,950 more" in page


async def test_many_failures_are_cut_short(shown):
    page = await shown(view("a", up=False, failures=(failure("no"),) * 23))
    assert page.count('class="since"') == 20
    assert "and 3 more" in page


async def test_empty_states_say_what_is_going_on(shown):
    assert "No accounts yet" in await shown()
    assert "before the first poll" in await shown(view("a", up=None))
    assert "No tasks." in await shown(view("a"))
    assert "Its tasks are in the metrics." in await shown(view("a", running=3))


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({"customers": 1000, "completed": 999, "reported_progress": 0.1}, "99.9 % 999 of 1,000"),
        ({"customers": 3000, "completed": 2999}, "99.9 % 2,999 of 3,000"),
        ({"customers": 10, "completed": 12}, "120.0 % 12 of 10"),
        ({"reported_progress": 0.373}, "37.3 % reported"),
        ({"customers": 40, "reported_progress": 1.2}, "120.0 % of 40, reported"),
        ({"customers": 0, "completed": 0}, "running 0 customers"),
        ({"customers": 1}, "running 1 customer"),
        ({"calls": 5}, "not reported 5"),
    ],
)
async def test_progress_is_what_the_vendor_tells(shown, progress, words):
    page = await shown(view("a", tasks=(task(1, **progress),)))
    assert words in Outline(page).text
    for value, maximum in re.findall(r'<progress value="([\d.]+)" max="([\d.]+)"', page):
        assert 0 <= float(value) <= float(maximum)


async def test_columns_are_those_the_vendor_has(shown):
    page = await shown(view("a", tasks=(task(1, failed=3, calls=9), task(2, failed=4))))
    heads = re.findall(r'class="count">(\w+)</th>', page)
    assert heads == ["failed", "calls"]
    assert page.count('class="count empty"') == 1


async def test_a_time_no_calendar_has_is_shown_as_a_number(shown):
    assert "1e+300" in await shown(view("a", credential_expiry=1e300))


async def test_a_long_name_is_cut_as_in_the_labels(shown):
    page = await shown(view("a", tasks=(task(1, "长" * 300),)))
    assert "长" * 255 + "…" in page
    assert "长" * 256 not in page


async def test_links_fit_the_site(shown):
    page = await shown(view("东 & west"), telemetry_path="/deep/m")
    assert 'href="deep/m"' in page
    assert 'href="deep/m?account=%E4%B8%9C%20%26%20west"' in page


async def test_the_page_is_compressed_for_who_takes_it(serve):
    client = await serve(await two_accounts())
    plain = await (await client.get("/")).read()
    response = await client.get("/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await response.read()) == plain
    assert response.headers["Vary"] == "Accept-Encoding"


async def test_readers_who_come_together_share_a_rendering_and_none_sees_an_old_one(monkeypatch):
    under_way, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    render, renderings = page_module._render, []

    def slow_render(site, views, now):
        renderings.append(tuple(view.name for view in views))
        loop.call_soon_threadsafe(under_way.set)
        go.wait(10)
        return render(site, views, now)

    monkeypatch.setattr(page_module, "_render", slow_render)
    store = await two_accounts()
    page = page_module.Page(await a_site(store))
    first = asyncio.create_task(page.rendered())
    await under_way.wait()
    put(store, view("north"))
    later = [asyncio.create_task(page.rendered()) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert b"north" not in (await first).plain
    assert all(b"north" in one.plain for one in await asyncio.gather(*later))
    assert renderings == [("east", "west"), ("east", "west", "north")]


async def test_a_rendering_that_fails_does_not_leave_an_old_page(monkeypatch):
    page = page_module.Page(await a_site(await two_accounts()))
    whole = await page.rendered()

    def faulty(site, views, now):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(page_module, "_render", faulty)
        with pytest.raises(LookupError):
            await page.rendered()
    assert await page.rendered() == whole
