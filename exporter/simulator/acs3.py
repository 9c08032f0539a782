"""Verifies ACS3-HMAC-SHA256 signatures from the raw request, as Alibaba's gateway does."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_plus

ALGORITHM: Final = "ACS3-HMAC-SHA256"
MUST_BE_SIGNED: Final = {
    "host": "MissingHost",
    "x-acs-action": "MissingAction",
    "x-acs-content-sha256": "MissingContentSha256",
    "x-acs-date": "MissingDate",
    "x-acs-signature-nonce": "MissingSignatureNonce",
    "x-acs-version": "MissingVersion",
}
"""Header to the code of an answer that misses it."""

_AUTHORIZATION: Final = re.compile(
    r"ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it came: header names in lower case, the query not decoded."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What an ``Authorization`` header claims."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def claim_of(request: SignedRequest) -> Claim | None:
    """Return the claim of a request; None when the header is missing or not understood."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        return None
    return Claim(found[1], tuple(found[2].split(";")), found[3])


def parameters(query: str) -> dict[str, str]:
    """Return the decoded parameters of a query or a form; the last of a name counts."""
    return dict(_pairs(query))


def expected_signature(request: SignedRequest, claim: Claim, secret: str) -> str:
    """Return the hex signature that this request must carry."""
    canonical = canonical_request(request, claim.signed_headers)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.digest(secret.encode(), f"{ALGORITHM}\n{digest}".encode(), "sha256").hex()


def canonical_request(request: SignedRequest, signed_headers: tuple[str, ...]) -> str:
    """Return the canonical form of a request on the path ``/``."""
    query = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in sorted(_pairs(request.query)))
    names = sorted(name.lower() for name in signed_headers)
    lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    digest = hashlib.sha256(request.body).hexdigest()
    return "\n".join((request.method, "/", query, lines, ";".join(names), digest))


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
