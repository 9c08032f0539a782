"""Hands a long body to the kernel in a few calls from a thread, so that no poll holds a scrape up.

Written by the event loop, a body of hundreds of megabytes is a thousand slices, and each waits for
its turn behind whatever is being parsed and rendered. ``sendmsg`` on a connection that blocks takes
a thousand pieces at once, copies none of them in Python, and needs the interpreter only at its
beginning and its end.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from exporter.exposition import Bytes

_MOST_PIECES: Final = min(1024, os.sysconf("SC_IOV_MAX"))


def own_connection(transport: asyncio.Transport) -> socket.socket | None:
    """The connection of a transport by a descriptor of its own, for ``hand_over``.

    That of the transport may be closed, and used anew, at any time. None where bytes cannot pass
    the transport by: it encrypts, has some itself, is closed, or there is no descriptor left.
    """
    encrypts = transport.get_extra_info("ssl_object") is not None
    if encrypts or transport.get_write_buffer_size() or transport.is_closing():
        return None
    try:
        own: socket.socket = transport.get_extra_info("socket").dup()
    except OSError:
        return None
    return own


async def hand_over(
    transport: asyncio.Transport,
    connection: socket.socket,
    pieces: list[Bytes],
    threads: Executor,
) -> None:
    """Send ``pieces`` over the own connection of a transport, which writes nothing meanwhile.

    The connection is closed and the list is empty afterwards: what nobody else holds is freed by
    the thread.

    Raises:
        ConnectionError: The client is gone, or cannot be reached; the transport is closed.
    """
    sending = asyncio.get_running_loop().run_in_executor(threads, _send, connection, pieces)
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        # Wakes the thread, which would otherwise wait for the client for as long as it likes.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        await asyncio.wait([sending])
        sending.exception()
        raise
    except OSError as error:
        transport.abort()
        raise ConnectionResetError("the client cannot be reached") from error
    finally:
        # It has the error, which has this frame: nobody would let go of either.
        del sending


def _send(connection: socket.socket, pieces: list[Bytes]) -> None:
    # Whether it blocks is a property of the connection and not of the descriptor. The loop goes on
    # reading from it meanwhile, but only what is there already, for which nobody waits.
    with connection:
        connection.setblocking(True)
        try:
            for first in range(0, len(pieces), _MOST_PIECES):
                _send_some(connection, pieces[first : first + _MOST_PIECES])
        finally:
            pieces.clear()
            connection.setblocking(False)


def _send_some(connection: socket.socket, pieces: Sequence[Bytes]) -> None:
    left: list[Bytes] = [piece for piece in pieces if piece]
    del pieces
    try:
        while left:
            sent = connection.sendmsg(left)
            # A signal can end the call early, anywhere.
            while left and sent >= len(left[0]):
                sent -= len(left.pop(0))
            if left and sent:
                left[0] = memoryview(left[0])[sent:]
    finally:
        # An error keeps this frame for as long as it is kept itself.
        left.clear()
