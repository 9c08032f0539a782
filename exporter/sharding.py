"""Which process polls which account, when several share one configuration: pure arithmetic."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_SCORE_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of the processes that share the accounts; the default is the only one.

    ``number`` counts from 0 and is below ``total``.

    Raises:
        ValueError: There is no such shard.
    """

    number: int = 0
    total: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.total:
            raise ValueError(f"there is no shard {self.number} of {self.total}")

    def __str__(self) -> str:
        return f"{self.number} of {self.total}"

    def holds(self, account: str) -> bool:
        """Whether the account of that name is this shard's; exactly one shard has it."""
        return shard_of(account, total=self.total) == self.number


UNSHARDED: Final = Shard()
"""The one process that polls every account."""


def shard_of(account: str, *, total: int) -> int:
    """Number of the shard, of ``total``, that polls the account of that name.

    Rendezvous hashing: each shard draws a score from the name and its own number, and the highest
    has the account. One more shard only draws one more score, so accounts move to it and never
    between the others. The scores must not change from version to version, or accounts move.
    """
    return max(range(total), key=lambda number: _score(account, number))


def _score(account: str, number: int) -> bytes:
    return blake2b(f"{number}/{account}".encode(), digest_size=_SCORE_BYTES).digest()
