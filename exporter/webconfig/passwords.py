"""Whether a user's password is right: strangers learn no more than that, and hold nobody up.

One bcrypt at a time, off the loop; the decisions for what was asked lately are kept.
"""

import asyncio
import hashlib
import secrets
import string
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from exporter.secret import Secret

_KEPT: Final = 100
MOST_WAITING: Final = 32
"""How many may wait for their turn; a wrong password each costs the next 50 ms and more."""

_MOST_BYTES: Final = 72
"""What bcrypt looks at of a password; more is refused rather than cut."""

_ALPHABET: Final = f"./{string.ascii_letters}{string.digits}"
_SALT_ENDS: Final = ".Oeu"
_LOWEST_COST: Final = 4

Check = Callable[[bytes, bytes], bool]
"""Whether a password fits a hash; takes long on purpose."""


class BusyError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """Checks passwords of users against bcrypt hashes.

    A user that does not exist costs as much as a wrong password: a hash of the highest cost of all
    is checked then.
    """

    def __init__(
        self, users: Mapping[str, Secret] | None = None, *, check: Check | None = None
    ) -> None:
        """``check`` is there for tests."""
        self._check = check or _fits
        self._users = {name.encode(): hashed.reveal() for name, hashed in (users or {}).items()}
        cost = max((_cost(hashed) for hashed in self._users.values()), default=_LOWEST_COST)
        self._nobody = _hash_of_nobody(cost)
        # What is kept must not tell the passwords to who reads the memory.
        self._pepper = secrets.token_bytes(32)
        # Apart, so that no number of wrong ones drives a right one out.
        self._right = _Kept()
        self._wrong = _Kept()
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def needed(self) -> bool:
        """Whether anybody has to give one."""
        return bool(self._users)

    def of(self, users: Mapping[str, Secret]) -> "Passwords":
        """These, or new ones if other users are to be checked."""
        same = {name.encode(): hashed.reveal() for name, hashed in users.items()} == self._users
        return self if same else Passwords(users, check=self._check)

    async def right(self, user: bytes, password: bytes) -> bool:
        """Whether this is a user's password.

        Raises:
            BusyError: Too many others wait to have theirs checked.
        """
        hashed = self._users.get(user, self._nobody)
        key = self._key(user, hashed.encode(), password)
        known = self._known(key)
        if known is not None:
            return known
        if len(password) > _MOST_BYTES:
            return False
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            return await self._decided(key, password, hashed, exists=user in self._users)
        finally:
            self._waiting -= 1

    async def _decided(self, key: bytes, password: bytes, hashed: str, *, exists: bool) -> bool:
        async with self._turn:
            # The same may have been asked by who waited before.
            known = self._known(key)
            if known is not None:
                return known
            fits = await asyncio.to_thread(self._check, password, hashed.encode())
            right = fits and exists
            (self._right if right else self._wrong).keep(key)
            return right

    def _known(self, key: bytes) -> bool | None:
        if self._right.holds(key):
            return True
        return False if self._wrong.holds(key) else None

    def _key(self, *parts: bytes) -> bytes:
        """A digest that no other parts have: each is told with its length."""
        digest = hashlib.blake2b(key=self._pepper, digest_size=32)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()


class _Kept:
    """The keys used last."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, None] = OrderedDict()

    def holds(self, key: bytes) -> bool:
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def keep(self, key: bytes) -> None:
        self._keys[key] = None
        if len(self._keys) > _KEPT:
            self._keys.popitem(last=False)


def _cost(hashed: str) -> int:
    return int(hashed.split("$")[2])


def _hash_of_nobody(cost: int) -> str:
    """A hash that costs as much as others, of a password that nobody knows."""
    salt = [secrets.choice(_ALPHABET) for _ in range(21)]
    rest = [secrets.choice(_ALPHABET) for _ in range(31)]
    return f"$2b${cost:02}${''.join(salt)}{secrets.choice(_SALT_ENDS)}{''.join(rest)}"


def _fits(password: bytes, hashed: bytes) -> bool:
    # Only who has users needs it.
    import bcrypt  # noqa: PLC0415

    return bcrypt.checkpw(password, hashed)
