"""Addresses to listen on: reading them, and opening their sockets."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from exporter.errors import ConfigError

_FLAG: Final = "--web.listen-address"
_EXPECTED: Final = "expected host:port, [v6]:port or :port, such as 127.0.0.1:9877"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_WILDCARDS: Final = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))  # noqa: S104 - on request
_BACKLOG: Final = 128
_SAME_PORT_TRIES: Final = 20
_ABSENT: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})
_WORDS: Final = {
    errno.EADDRINUSE: "the port is in use by another program",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EAFNOSUPPORT: "this machine has no addresses of that kind",
    errno.EACCES: "permission is missing; a port from 1024 up needs none",
}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; an empty ``host`` means all interfaces, port 0 a free port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Read ``host:port``, ``[v6]:port`` or ``:port``.

    Raises:
        ConfigError: It is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise _wrong(text, _EXPECTED)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_v6(host):
            raise _wrong(text, "there is no IPv6 address in the brackets")
    elif ":" in host:
        raise _wrong(text, "an IPv6 address needs brackets, such as [::1]:9877")
    elif host and not _HOST.fullmatch(host):
        raise _wrong(text, _EXPECTED)
    if not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise _wrong(text, "the port must be a number from 0 to 65535")
    return ListenAddress(host, int(port))


async def open_sockets(address: ListenAddress) -> list[socket.socket]:
    """Listen on an address: one socket for each kind of IP address it stands for.

    Raises:
        ConfigError: The port is taken, the address is not ours, or permission is missing.
    """
    try:
        if not address.host:
            return _all_interfaces(address.port)
        return _opened(await _resolved(address), address.port)
    except socket.gaierror as error:
        raise ConfigError(
            f"cannot listen on {address}: the host name does not resolve", path=_FLAG
        ) from error
    except OSError as error:
        reason = _WORDS.get(error.errno or 0) or os.strerror(error.errno or errno.EIO)
        raise ConfigError(f"cannot listen on {address}: {reason}", path=_FLAG) from error


def _wrong(text: str, expected: str) -> ConfigError:
    return ConfigError(f"{text!r} is not an address to listen on: {expected}", path=_FLAG)


def _is_v6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


async def _resolved(address: ListenAddress) -> list[tuple[int, str]]:
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((int(family), str(where[0])) for family, _, _, _, where in found))


def _all_interfaces(port: int) -> list[socket.socket]:
    """Listen on both kinds of address, as far as the machine has them, on the same port."""
    tries = _SAME_PORT_TRIES
    while True:
        try:
            return _opened(_WILDCARDS, port)
        except OSError as error:
            # A port picked because it is free for the first kind may be taken for the second.
            tries -= 1
            if port or not tries or error.errno != errno.EADDRINUSE:
                raise


def _opened(hosts: Iterable[tuple[int, str]], port: int) -> list[socket.socket]:
    """Listen on ``hosts``, all on one port.

    Some may be missing: ``localhost`` often has an IPv6 address where the machine has none.
    """
    with contextlib.ExitStack() as undo:
        opened: list[socket.socket] = []
        missing: OSError | None = None
        for family, host in hosts:
            try:
                opened.append(undo.enter_context(_listening(family, host, port)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                missing = error
            else:
                port = opened[-1].getsockname()[1]
        if not opened and missing is not None:
            raise missing
        undo.pop_all()
        return opened


def _listening(family: int, host: str, port: int) -> socket.socket:
    with contextlib.ExitStack() as undo:
        opened = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
        undo.pop_all()
        return opened
