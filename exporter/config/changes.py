"""What differs between two configurations: names of accounts and paths of keys, never a value."""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from exporter.config.document import join
from exporter.config.model import Account


class Difference(msgspec.Struct, frozen=True):
    """How to get from one list of accounts to another, by name.

    ``changed`` has the paths of the keys that differ, such as ``refresh.active``.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = {}
    unchanged: tuple[str, ...] = ()


def difference(
    before: Collection[Account],
    after: Collection[Account],
    *,
    beside: Mapping[str, tuple[str, ...]] | None = None,
) -> Difference:
    """Compare accounts by name; where one stands in the file does not matter.

    ``beside`` has, by account, what else is not as it was, such as the content of a file.
    """
    old = {account.name: account for account in before}
    keys = {
        account.name: (
            *changed_keys(old[account.name], account),
            *(beside or {}).get(account.name, ()),
        )
        for account in after
        if account.name in old
    }
    names = [account.name for account in after]
    return Difference(
        added=tuple(name for name in names if name not in old),
        removed=tuple(name for name in old if name not in set(names)),
        changed={name: mine for name, mine in keys.items() if mine},
        unchanged=tuple(name for name, mine in keys.items() if not mine),
    )


def changed_keys(before: Account, after: Account) -> tuple[str, ...]:
    """Paths of the keys whose values differ; of another platform its own keys are not compared."""
    keys = list(_keys(before.common, after.common, ""))
    if before.platform == after.platform:
        keys += _keys(before.options, after.options, "")
    return tuple(keys)


def _keys(before: msgspec.Struct, after: msgspec.Struct, path: str) -> Iterator[str]:
    for field in msgspec.structs.fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        key = join(path, field.encode_name)
        if old == new:
            continue
        if isinstance(old, msgspec.Struct) and type(old) is type(new):
            yield from _keys(old, new, key)
        else:
            yield key
