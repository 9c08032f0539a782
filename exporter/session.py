"""The pooled HTTP session of one account: TLS, proxy and connections as configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final, Never

import aiohttp

from exporter import __version__
from exporter.config.model import Account, TlsConfig
from exporter.errors import ConfigError

TlsFiles = Mapping[str, str | None]
"""Digests of the files of a ``tls_config``, by key; None for one that cannot be read."""

_DIGEST_BYTES: Final = 16


async def tls_files(tls: TlsConfig) -> TlsFiles:
    """What the files of a ``tls_config`` hold now, as digests."""
    return await asyncio.to_thread(_digests, tls.files) if tls.files else {}


def _digests(names: Mapping[str, str]) -> TlsFiles:
    return {key: _digest(name) for key, name in names.items()}


def _digest(name: str) -> str | None:
    try:
        return blake2b(Path(name).read_bytes(), digest_size=_DIGEST_BYTES).hexdigest()
    except OSError:
        return None


class TlsContexts:
    """The TLS contexts of all accounts: those with the same settings and files share one.

    Each takes 20 ms to make and 1 MiB of memory, which is most of what an idle account takes.
    """

    def __init__(self) -> None:
        self._made: dict[TlsConfig, tuple[TlsFiles, ssl.SSLContext]] = {}

    async def of(self, account: Account) -> ssl.SSLContext:
        """The context for the calls of an account; another one once its files are not the same.

        Raises:
            ConfigError: A certificate, key or CA file is of no use.
        """
        tls = account.common.tls_config
        # Before they are loaded: what changes in between is then found to have changed.
        files = await tls_files(tls)
        known = self._made.get(tls)
        if known is None or known[0] != files:
            context = await asyncio.to_thread(tls_context, tls, where=account.where)
            known = self._made[tls] = files, context
        return known[1]

    def keep(self, accounts: Iterable[Account]) -> None:
        """Forget what none of these accounts needs."""
        wanted = {account.common.tls_config for account in accounts}
        self._made = {tls: made for tls, made in self._made.items() if tls in wanted}


@asynccontextmanager
async def open_session(
    account: Account, tls: ssl.SSLContext | None = None, *, direct: bool = False
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for the calls of one account; without ``tls`` it loads the account's files itself.

    With ``direct`` no call goes through a proxy, whatever the account or the environment says.

    Raises:
        ConfigError: Without ``tls`` only: a certificate, key or CA file is of no use.
    """
    common = account.common
    context = tls or await TlsContexts().of(account)
    connector = aiohttp.TCPConnector(limit=common.budget.concurrency, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector,
        # The transport inflates by itself, within its cap.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"outbound-exporter/{__version__}"},
        trust_env=common.proxy_from_environment and not direct,
    ) as session:
        # What the environment is asked for is a proxy: aiohttp would also sign calls with whatever
        # ~/.netrc holds for the vendor's host. There is no public switch in 3.14.
        session._get_netrc_auth = _no_login  # type: ignore[assignment,method-assign]  # noqa: SLF001
        yield session


def _no_login(_host: str) -> None:
    """None: no call carries a login of the environment."""


def tls_context(tls: TlsConfig, *, where: Callable[[str], str]) -> ssl.SSLContext:
    """TLS towards a vendor. Reads files: call it off the event loop.

    ``where`` gives the path at which a key of the account is written, for errors.

    Raises:
        ConfigError: A certificate, key or CA file is of no use.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(where("tls_config.ca_file"), tls.ca_file, error) from None
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        _load_certificate(context, tls, where)
    return context


def _load_certificate(context: ssl.SSLContext, tls: TlsConfig, where: Callable[[str], str]) -> None:
    # OpenSSL names neither the file that it cannot read nor the one that is not PEM.
    for key, file in (("cert_file", tls.cert_file), ("key_file", tls.key_file)):
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            raise _unusable(where(f"tls_config.{key}"), file, error) from None

    def passphrase() -> Never:
        # Without this OpenSSL would ask for it at the terminal and wait.
        raise ConfigError(
            f"the key in {tls.key_file} is encrypted: expected one without a passphrase",
            path=where("tls_config.key_file"),
        )

    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=passphrase)
    except ssl.SSLError as error:
        why = f" ({error.reason})" if error.reason else ""
        raise ConfigError(
            f"expected a certificate in {tls.cert_file} and its key in {tls.key_file},"
            f" both PEM{why}",
            path=where("tls_config.cert_file"),
        ) from None


def _unusable(path: str, file: str, error: OSError) -> ConfigError:
    why = error.strerror or error.__class__.__name__
    if isinstance(error, ssl.SSLError):
        why = f"expected PEM ({error.reason or 'not readable as such'})"
    return ConfigError(f"cannot use the file {file}: {why}", path=path)
