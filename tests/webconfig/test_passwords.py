"""Passwords: right or wrong and nothing else to be learnt, one check at a time, decisions kept."""

import asyncio
import threading

import bcrypt
import pytest

from exporter.secret import Secret
from exporter.webconfig.passwords import MOST_WAITING, BusyError, Passwords

ALICE = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
BOB = "$2y$06$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
USERS = {"alice": Secret(ALICE), "bob": Secret(BOB)}


class Checks:
    """Stands for bcrypt: notes what it is asked, and finds one password right."""

    def __init__(self, right: bytes = b"right") -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.right = right
        self.at_once = self.most_at_once = 0
        self.threads: set[threading.Thread] = set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.threads.add(threading.current_thread())
        self.asked.append((password, hashed))
        self.at_once -= 1
        return password == self.right


async def test_the_password_of_a_user_is_right_and_every_other_is_wrong():
    passwords = Passwords({"alice": Secret(ALICE), "用户": Secret(ALICE)})

    assert await passwords.right(b"alice", b"open sesame")
    assert await passwords.right("用户".encode(), b"open sesame")
    for user, password in (
        (b"alice", b"open sesam"),
        (b"alice", b""),
        (b"alice", b"open sesame\0"),
        (b"Alice", b"open sesame"),
        (b"", b"open sesame"),
        (b"\xff", b"\xff"),
    ):
        assert not await passwords.right(user, password)


async def test_a_password_longer_than_bcrypt_looks_at_is_wrong_and_no_error():
    passwords = Passwords({"alice": Secret(bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode())})

    assert not await passwords.right(b"alice", b"x" * 73)
    assert await passwords.right(b"alice", b"x" * 72)
    assert not await passwords.right(b"nobody", b"x" * 100_000)


async def test_a_user_that_does_not_exist_costs_as_much_as_the_dearest_one():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)

    assert not await passwords.right(b"mallory", b"wrong")

    ((password, hashed),) = checks.asked
    assert password == b"wrong"
    assert hashed.startswith(b"$2b$06$")
    assert bcrypt.checkpw(b"wrong", hashed) is False


async def test_a_user_that_does_not_exist_is_refused_even_with_the_password_of_nobody():
    assert not await Passwords(USERS, check=Checks()).right(b"mallory", b"right")


async def test_what_was_decided_is_not_checked_again():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)

    for _ in range(3):
        assert await passwords.right(b"alice", b"right")
        assert not await passwords.right(b"alice", b"wrong")
        assert not await passwords.right(b"mallory", b"right")

    assert len(checks.asked) == 3


async def test_no_number_of_wrong_passwords_drives_a_right_one_out():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)
    assert await passwords.right(b"alice", b"right")

    for number in range(250):
        assert not await passwords.right(b"alice", b"%d" % number)
    before = len(checks.asked)

    assert await passwords.right(b"alice", b"right")
    assert len(checks.asked) == before
    # The oldest wrong one was forgotten, the newest was not.
    assert not await passwords.right(b"alice", b"249")
    assert len(checks.asked) == before
    assert not await passwords.right(b"alice", b"0")
    assert len(checks.asked) == before + 1


async def test_a_user_name_that_embeds_a_hash_poisons_nothing():
    """CVE-2022-46146: user, hash and password in a row, read with other borders."""
    hashed = USERS["alice"].reveal().encode()
    checks = Checks(b"fakepassword")
    passwords = Passwords(USERS, check=checks)
    await passwords.right(b"alice" + hashed, b"fakepassword")
    nobody = checks.asked[0][1]

    for separator in (b"", b":", b"\0"):
        user = separator.join((b"alice", hashed))
        assert not await passwords.right(user, b"fakepassword")
        assert not await passwords.right(b"alice", separator.join((nobody, b"fakepassword")))


async def test_one_password_is_checked_at_a_time_off_the_loop():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)

    await asyncio.gather(*(passwords.right(b"alice", b"%d" % n) for n in range(20)))

    assert len(checks.asked) == 20
    assert checks.most_at_once == 1
    assert threading.main_thread() not in checks.threads


async def test_who_asks_the_same_at_the_same_time_is_answered_by_one_check():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)

    decided = await asyncio.gather(*(passwords.right(b"alice", b"right") for _ in range(20)))

    assert decided == [True] * 20
    assert len(checks.asked) == 1


async def test_more_than_may_wait_are_sent_away_but_who_is_known_is_not():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)
    assert await passwords.right(b"alice", b"right")
    waiting = [
        asyncio.create_task(passwords.right(b"alice", b"%d" % number))
        for number in range(MOST_WAITING)
    ]
    await asyncio.sleep(0)

    with pytest.raises(BusyError):
        await passwords.right(b"alice", b"one more")
    assert await passwords.right(b"alice", b"right")

    assert await asyncio.gather(*waiting) == [False] * MOST_WAITING
    assert not await passwords.right(b"alice", b"one more")


async def test_the_same_users_keep_what_was_decided_and_others_begin_anew():
    checks = Checks()
    passwords = Passwords(USERS, check=checks)
    assert await passwords.right(b"alice", b"right")

    assert passwords.of(dict(USERS)) is passwords
    other = passwords.of({"alice": Secret(BOB)})
    assert await other.right(b"alice", b"right")
    assert len(checks.asked) == 2


async def test_nobody_has_to_give_a_password_without_users():
    assert not Passwords().needed
    assert Passwords(USERS).needed
    assert not await Passwords().right(b"alice", b"open sesame")


async def test_what_is_kept_holds_no_password():
    passwords = Passwords({"alice": Secret(ALICE)})
    await passwords.right(b"alice", b"open sesame")
    await passwords.right(b"alice", b"s3cr3t")

    kept = repr([vars(passwords._right), vars(passwords._wrong)])
    assert "sesame" not in kept
    assert "s3cr3t" not in kept
