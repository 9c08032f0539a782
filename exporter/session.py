"""The pooled HTTP session of one account: TLS, proxy and connections as configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from exporter import __version__
from exporter.config.model import Common, TlsConfig
from exporter.errors import ConfigError


@asynccontextmanager
async def open_session(common: Common, *, path: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for the calls of one account.

    Args:
        common: The account's settings.
        path: Its key path, for errors.

    Raises:
        ConfigError: A certificate, key or CA file is of no use.
    """
    context = await asyncio.to_thread(tls_context, common.tls_config, path=path)
    connector = aiohttp.TCPConnector(limit=common.budget.concurrency, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector,
        # The transport inflates by itself, within its cap.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"outbound-exporter/{__version__}"},
        trust_env=common.proxy_from_environment,
    ) as session:
        yield session


def tls_context(tls: TlsConfig, *, path: str) -> ssl.SSLContext:
    """TLS towards a vendor. Reads files: call it off the event loop.

    Raises:
        ConfigError: A certificate, key or CA file is of no use.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(f"{path}.tls_config.ca_file", tls.ca_file, error) from None
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file or None)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(f"{path}.tls_config.cert_file", tls.cert_file, error) from None
    return context


def _unusable(path: str, file: str, error: OSError) -> ConfigError:
    why = error.strerror or error.__class__.__name__
    if isinstance(error, ssl.SSLError):
        why = f"expected PEM ({error.reason or 'not readable as such'})"
    return ConfigError(f"cannot use the file {file}: {why}", path=path)
