"""The client of the benchmarks: it reads each answer to its end, however its end is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from benchmarks.scraper import Scraper

BODY = b"a 1\n" * 100_000


@asynccontextmanager
async def speaking(*parts, close=False):
    """A server that answers each request with parts, written one by one; counts connections."""
    connections = []

    async def handle(reader, writer):
        connections.append(await reader.readuntil(b"\r\n\r\n"))
        while True:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if close:
                break
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}/metrics?account=a", connections
    server.close()
    await server.wait_closed()


def scraped(url, count, **options):
    with Scraper(url, timeout=5.0, **options) as scraper:
        return [scraper.get(keep=True) for _ in range(count)]


def head(*fields, version="1.1"):
    return "\r\n".join([f"HTTP/{version} 200 OK", *fields, "", ""]).encode()


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


async def test_answers_with_a_length_come_over_one_connection():
    answer = head(f"Content-Length: {len(BODY)}")
    async with speaking(answer + BODY[:7], BODY[7:]) as (url, connections):
        answers = await asyncio.to_thread(scraped, url, 3, gzip=True)

    assert [answer.body for answer in answers] == [BODY] * 3
    assert [answer.size_bytes for answer in answers] == [len(BODY)] * 3
    assert len(connections) == 1
    assert connections[0].startswith(b"GET /metrics?account=a HTTP/1.1\r\n")
    assert b"Accept-Encoding: gzip\r\n" in connections[0]


@pytest.mark.parametrize("cut", [1, 3, 5, 6])
async def test_answers_in_chunks_are_read_to_the_last_one_wherever_it_is_cut(cut):
    answer = head("Transfer-Encoding: chunked") + chunked(BODY[:10], BODY[10:]) + b"0\r\n\r\n"
    async with speaking(answer[:-cut], answer[-cut:]) as (url, connections):
        answers = await asyncio.to_thread(scraped, url, 2)

    assert [answer.body for answer in answers] == [BODY] * 2
    assert len(connections) == 1


@pytest.mark.parametrize(("version", "fields"), [("1.0", []), ("1.1", ["Connection: close"])])
async def test_a_server_that_closes_after_each_answer_is_connected_to_again(version, fields):
    answer = head(f"Content-Length: {len(BODY)}", *fields, version=version)
    async with speaking(answer, BODY, close=True) as (url, connections):
        answers = await asyncio.to_thread(scraped, url, 2)

    assert [answer.body for answer in answers] == [BODY] * 2
    assert len(connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        head("Content-Length: 9") + b"short",
        head("Transfer-Encoding: chunked") + chunked(b"short"),
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_whole_or_not_a_200_is_an_error(answer):
    async with speaking(answer, close=True) as (url, _):
        with pytest.raises(OSError, match=r"cut short|expected 200"):
            await asyncio.to_thread(scraped, url, 1)
