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


def can_hand_over(transport: asyncio.Transport) -> bool:
    """Whether bytes may pass the transport by: not where it encrypts, or still has some itself."""
    encrypts = transport.get_extra_info("ssl_object") is not None
    return not encrypts and not transport.get_write_buffer_size()


async def hand_over(transport: asyncio.Transport, pieces: list[Bytes], threads: Executor) -> None:
    """Send ``pieces`` over the connection of a transport, which writes nothing meanwhile.

    The list is empty afterwards: what nobody else holds is freed by the thread.

    Raises:
        ConnectionError: The client is gone; the transport is closed.
    """
    # A descriptor of its own: that of the transport may be closed, and used anew, at any time.
    connection = transport.get_extra_info("socket").dup()
    loop = asyncio.get_running_loop()
    sending = loop.run_in_executor(threads, _send, connection, pieces)
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        # Wakes the thread, which would otherwise wait for the client for as long as it likes.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        await asyncio.wait([sending])
        sending.exception()
        raise
    except ConnectionError:
        transport.abort()
        raise


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
    while left:
        sent = connection.sendmsg(left)
        # A signal can end the call early, anywhere.
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if left and sent:
            left[0] = memoryview(left[0])[sent:]
