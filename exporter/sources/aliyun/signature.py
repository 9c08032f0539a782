"""Signature V3 of Alibaba Cloud, ACS3-HMAC-SHA256, for calls without a body."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from exporter.sources.aliyun.credentials.model import Credentials

EMPTY_BODY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_ALGORITHM: Final = "ACS3-HMAC-SHA256"
_DATE: Final = "%Y-%m-%dT%H:%M:%SZ"


def canonical_query(parameters: Mapping[str, str]) -> str:
    """The query as it is signed, and as it has to be sent: sorted, encoded by RFC 3986."""
    return "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(parameters.items())
    )


def canonical_request(method: str, query: str, headers: Mapping[str, str]) -> str:
    """What is hashed and signed; ``headers`` are those to be signed, their names in lower case."""
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in sorted(headers.items()))
    return "\n".join((method, "/", query, lines, _names(headers), EMPTY_BODY_SHA256))


def authorization(
    method: str, query: str, headers: Mapping[str, str], credentials: Credentials
) -> str:
    """The header ``Authorization``."""
    request = canonical_request(method, query, headers)
    text = f"{_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    secret = credentials.access_key_secret.reveal().encode()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return (
        f"{_ALGORITHM} Credential={credentials.access_key_id},"
        f"SignedHeaders={_names(headers)},Signature={signature}"
    )


def common_headers(
    action: str, version: str, *, host: str, now: float, nonce: str, credentials: Credentials
) -> dict[str, str]:
    """The headers that are signed; ``now`` in epoch seconds."""
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": datetime.fromtimestamp(now, UTC).strftime(_DATE),
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": EMPTY_BODY_SHA256,
    }
    if credentials.security_token is not None:
        headers["x-acs-security-token"] = credentials.security_token.reveal()
    return headers


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))
