"""A body that the kernel takes from a thread: whole, in order, and the connection lives on."""

import asyncio
import errno
import gc
import os
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.handover import _send_some, hand_over, own_connection


class Reluctant:
    """A connection that takes a few bytes at a time."""

    def __init__(self, portions):
        self.portions = portions
        self.taken = b""

    def sendmsg(self, pieces):
        offered = b"".join(pieces)
        count = min(len(offered), 1 + self.portions[len(self.taken) % len(self.portions)])
        self.taken += offered[:count]
        return count


class Unreachable:
    """A connection to nowhere."""

    def __enter__(self):
        raise OSError(errno.EHOSTUNREACH, "no route")

    def __exit__(self, *_): ...


@pytest.fixture
def uncollected():
    """Whatever refers to itself stays."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def handed_over(transport, pieces, threads):
    return hand_over(transport, own_connection(transport), pieces, threads)


async def listening():
    """A server, one client of it, and what writes to that client."""
    connected = asyncio.get_running_loop().create_future()
    server, client = await ends(lambda _, writer: connected.set_result(writer))
    return server, client, connected


async def ends(handler):
    """A server that hands each of its connections to ``handler``, and one client of it."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    return server, await asyncio.open_connection(*server.sockets[0].getsockname())


@given(st.lists(st.binary(max_size=40), max_size=20), st.lists(st.integers(0, 50), min_size=1))
def test_whatever_part_of_it_is_taken_at_once_everything_arrives_once_in_order(pieces, portions):
    connection = Reluctant(portions)
    _send_some(connection, pieces)
    assert connection.taken == b"".join(pieces)


async def test_more_pieces_than_one_call_takes_arrive_whole_and_what_is_written_later_after_them(
    threads,
):
    pieces = [os.urandom(100 + number % 7) for number in range(5000)]

    async def handle(_, writer):
        await handed_over(writer.transport, list(pieces), threads)
        writer.write(b"after")
        writer.close()

    server, (reader, writer) = await ends(handle)
    assert await reader.read(-1) == b"".join(pieces) + b"after"
    writer.close()
    server.close()


async def test_the_connection_does_not_block_the_loop_afterwards(threads):
    blocking = asyncio.get_running_loop().create_future()

    async def handle(_, writer):
        await handed_over(writer.transport, [b"x"], threads)
        blocking.set_result(os.get_blocking(writer.get_extra_info("socket").fileno()))
        writer.close()

    server, (reader, writer) = await ends(handle)
    assert await reader.read(-1) == b"x"
    assert await blocking is False
    writer.close()
    server.close()


async def test_a_cancelled_handover_ends_its_thread_whatever_the_client_does(threads):
    server, (_, writer), connected = await listening()
    transport = (await connected).transport
    sending = asyncio.create_task(handed_over(transport, [bytes(64 * 2**20)], threads))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await asyncio.get_running_loop().run_in_executor(threads, str, 1) == "1"
    transport.abort()
    writer.transport.abort()
    server.close()


async def test_a_client_that_leaves_is_a_connection_error(threads):
    outcome = asyncio.get_running_loop().create_future()

    async def handle(_, writer):
        try:
            await handed_over(writer.transport, [bytes(64 * 2**20)], threads)
        except ConnectionError as error:
            outcome.set_result(error)

    server, (_, writer) = await ends(handle)
    writer.transport.abort()
    assert isinstance(await outcome, ConnectionError)
    server.close()


class Piece(bytearray):
    """Of which one can tell whether it is still there."""


async def test_an_error_does_not_keep_what_was_not_sent(threads):
    server, (_, writer), connected = await listening()
    pieces = [Piece(64 * 2**20)]
    kept = weakref.ref(pieces[0])

    writer.transport.abort()
    with pytest.raises(ConnectionError) as found:
        await handed_over((await connected).transport, pieces, threads)

    assert kept() is None, found
    server.close()


async def test_an_error_is_gone_with_the_last_who_holds_it(threads, uncollected):
    server, (_, writer), connected = await listening()
    transport = (await connected).transport
    connection = Unreachable()
    kept = weakref.ref(connection)

    try:
        await hand_over(transport, connection, [b"x"], threads)
    except ConnectionError:
        del connection
    # The thread lets go when it looks for something else to do.
    await asyncio.get_running_loop().run_in_executor(threads, str)

    assert kept() is None
    writer.close()
    server.close()


async def test_a_client_that_cannot_be_reached_is_one_that_is_gone(threads):
    server, (_, writer), connected = await listening()
    transport = (await connected).transport

    with pytest.raises(ConnectionError):
        await hand_over(transport, Unreachable(), [b"x"], threads)
    assert transport.is_closing()
    writer.close()
    server.close()


async def test_without_a_descriptor_left_the_transport_writes_by_itself():
    server, (_, writer), connected = await listening()

    class NoDescriptor:
        def dup(self):
            raise OSError(errno.EMFILE, "too many")

    class Transport:
        def get_extra_info(self, name):
            return NoDescriptor() if name == "socket" else None

        def get_write_buffer_size(self):
            return 0

        def is_closing(self):
            return False

    assert own_connection(Transport()) is None
    own = own_connection((await connected).transport)
    assert own is not None
    own.close()
    (await connected).transport.abort()
    assert own_connection((await connected).transport) is None, "it is closing"
    writer.close()
    server.close()
