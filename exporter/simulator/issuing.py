"""Temporary credentials of the Alibaba accounts: handed out, remembered, and over in time."""

import datetime
import secrets
from dataclasses import dataclass, replace
from typing import Final

from exporter.simulator.accounts import AliyunAccount, Directory
from exporter.simulator.options import Clock

_OWNER: Final = "acs:ram::1000000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Credentials that were handed out; ``expires_at`` in epoch seconds, whole."""

    account: str
    access_key_id: str
    access_key_secret: str
    security_token: str
    expires_at: float

    def fields(self) -> dict[str, str]:
        """Return the four keys under which every service gives them."""
        expiry = datetime.datetime.fromtimestamp(self.expires_at, datetime.UTC)
        return {
            "AccessKeyId": self.access_key_id,
            "AccessKeySecret": self.access_key_secret,
            "SecurityToken": self.security_token,
            "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class Issuer:
    """Hands out credentials; what it gave is known to all servers of the simulator.

    Attributes:
        lifetime: Seconds for which those handed out from now on are valid.
        renewing: False: whoever asks gets what the same service gave that account last, until
            it is over and beyond; new ones only where there were none.
        oidc_tokens: The one OIDC token that each account's role is assumed with.

    Args:
        clock: Gives epoch seconds.
        directory: The accounts.
        lifetime: The first ``lifetime``.
    """

    def __init__(self, clock: Clock, directory: Directory, lifetime: float) -> None:
        self.lifetime = lifetime
        self.renewing = True
        self.oidc_tokens = {account.name: secrets.token_hex(30) for account in directory.aliyun}
        self._clock = clock
        self._directory = directory
        self._issued: dict[str, Issued] = {}
        self._latest: dict[tuple[str, str], Issued] = {}

    def issue(self, account: str, service: str) -> Issued:
        """Return credentials of an account, by the word of a service."""
        latest = self._latest.get((account, service))
        if latest is not None and not self.renewing:
            return latest
        issued = Issued(
            account=account,
            access_key_id="STS." + secrets.token_hex(9),
            access_key_secret=secrets.token_hex(15),
            security_token=secrets.token_hex(40),
            # Told to the second, so it is over on the second.
            expires_at=float(int(self._clock() + self.lifetime)),
        )
        self._issued[issued.access_key_id] = self._latest[account, service] = issued
        return issued

    def issued(self) -> tuple[Issued, ...]:
        """Return everything that was handed out, the oldest first."""
        return tuple(self._issued.values())

    def holder(self, access_key_id: str) -> AliyunAccount | None:
        """Return the account of a key, the key in it; None for one that is not known."""
        issued = self._issued.get(access_key_id)
        if issued is None:
            return self._directory.by_access_key.get(access_key_id)
        return replace(
            self._named(issued.account),
            access_key_id=issued.access_key_id,
            access_key_secret=issued.access_key_secret,
            security_token=issued.security_token,
        )

    def is_over(self, access_key_id: str) -> bool:
        """Tell whether a key that was handed out has expired."""
        issued = self._issued.get(access_key_id)
        return issued is not None and self._clock() >= issued.expires_at

    def role_of(self, arn: str) -> str | None:
        """Return the account whose role an ARN names; None for another ARN."""
        names = [account.name for account in self._directory.aliyun]
        return next((name for name in names if role_arn(name) == arn), None)

    def names(self) -> tuple[str, ...]:
        """Return the names of the accounts, which are those of their roles."""
        return tuple(account.name for account in self._directory.aliyun)

    def _named(self, name: str) -> AliyunAccount:
        return next(account for account in self._directory.aliyun if account.name == name)


def role_arn(account: str) -> str:
    """Return the ARN of the one role of an account."""
    return f"{_OWNER}:role/{account}"


def provider_arn() -> str:
    """Return the ARN of the OIDC provider that all roles trust."""
    return f"{_OWNER}:oidc-provider/cluster"
