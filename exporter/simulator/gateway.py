"""What Alibaba's gateway checks of a signed call before the product sees it."""

import datetime
import hashlib
import hmac
from collections import deque
from typing import Final

from exporter.simulator.accounts import Access, AliyunAccount
from exporter.simulator.acs3 import MUST_BE_SIGNED, Claim, SignedRequest, expected_signature
from exporter.simulator.aliyun_actions import Denial
from exporter.simulator.issuing import Issuer

ALLOWED_SKEW_SECONDS: Final = 15 * 60
_NONCES_KEPT: Final = 200_000


class Gateway:
    """Verifies who calls, for all products.

    Args:
        access: What the accounts may do.
        issuer: Knows every key.
    """

    def __init__(self, access: Access, issuer: Issuer) -> None:
        self._access = access
        self._issuer = issuer
        self._nonces: set[tuple[str, str]] = set()
        self._nonce_order: deque[tuple[str, str]] = deque()

    def caller(self, claim: Claim | None) -> AliyunAccount | None:
        """Return the account that a claim names, verified or not."""
        return self._issuer.holder(claim.access_key_id) if claim else None

    def authenticate(
        self, request: SignedRequest, claim: Claim | None, *, now: float
    ) -> AliyunAccount:
        """Return the account that signed a call; ``now`` is the vendor's time, epoch seconds.

        Raises:
            Denial: The call is not signed as it must be.
        """
        account = self.caller(claim)
        if "authorization" not in request.headers:
            raise Denial("MissingAuthorization", "Authorization is mandatory for this action.")
        if claim is None:
            raise Denial("IncompleteSignature", "The Authorization header is not understood.")
        for name, code in MUST_BE_SIGNED.items():
            if name not in request.headers or name not in claim.signed_headers:
                raise Denial(code, f"{name} is mandatory for this action and must be signed.")
        check_date(request.headers["x-acs-date"], now)
        if account is None:
            raise Denial("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        self._check_token(request, account)
        self._check_signature(request, claim, account)
        self._use_nonce(account.name, request.headers["x-acs-signature-nonce"])
        return account

    def _check_token(self, request: SignedRequest, account: AliyunAccount) -> None:
        if not account.security_token:
            return
        token = request.headers.get("x-acs-security-token", "")
        if not token:
            raise Denial("MissingSecurityToken", "SecurityToken is mandatory for this action.")
        over = self._issuer.is_over(account.access_key_id)
        if over or account.name in self._access.expired:
            raise Denial("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        if token != account.security_token:
            code = "InvalidSecurityToken.MismatchWithAccessKey"
            raise Denial(code, "Specified SecurityToken mismatch with the AccessKey.")

    def _check_signature(
        self, request: SignedRequest, claim: Claim, account: AliyunAccount
    ) -> None:
        expected = expected_signature(request, claim, account.access_key_secret)
        body_hash = request.headers["x-acs-content-sha256"]
        agreed = hmac.compare_digest(expected, claim.signature)
        if not agreed or body_hash != hashlib.sha256(request.body).hexdigest():
            message = "Specified signature is not matched with our calculation."
            raise Denial("SignatureDoesNotMatch", message)

    def _use_nonce(self, account: str, nonce: str) -> None:
        if (account, nonce) in self._nonces:
            raise Denial("SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces.add((account, nonce))
        self._nonce_order.append((account, nonce))
        if len(self._nonce_order) > _NONCES_KEPT:
            self._nonces.discard(self._nonce_order.popleft())


def check_date(text: str, now: float) -> None:
    """Compare a date with the vendor's time, epoch seconds.

    Raises:
        Denial: It is too far away, or no date.
    """
    try:
        sent = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise Denial("InvalidTimeStamp.Format", "x-acs-date is not well formatted.") from None
    if abs(sent.timestamp() - now) > ALLOWED_SKEW_SECONDS:
        raise Denial("InvalidTimeStamp.Expired", "Specified time stamp or date is expired.")
